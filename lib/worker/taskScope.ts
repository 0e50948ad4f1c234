import { AsyncLocalStorage } from 'node:async_hooks';
import type { WorkerState } from '../protocol/workerState.js';

interface LoadingModule {
  readonly exports: Promise<unknown>;
  /** Ends the loading by a run that was refused meanwhile. */
  readonly reject: (refusal: Error) => void;
}

/**
 * Tells code of tasks from the rest that runs in a worker: what a module does as it is loaded, and what it leaves running
 * then. Only tasks may start runs, as a module that does so would start them again in each worker.
 */
class TaskScope implements WorkerState {
  depth = 1;
  /** Modules that are being loaded. */
  readonly #loading = new Map<string, LoadingModule>();
  /** Modules that have started a run as they were loaded: they are not loaded again. */
  readonly #refused = new Map<string, Error>();
  readonly #told = new WeakSet<Error>();
  /** Marks what runs within tasks. It makes promises slower, so there is none where no run can be started. */
  #tasks: AsyncLocalStorage<true> | undefined;
  #watches = false;
  /** Hears of a run that was refused, before the code that started it does. */
  onRefused: (error: Error) => void = () => undefined;

  get loading(): string | undefined {
    return this.#loading.keys().next().value;
  }

  watch(): void {
    this.#watches = true;
    // Loaded by a task, it concerns the next ones: this one was not marked when it began.
    if (this.#loading.size > 0) this.#tasks ??= new AsyncLocalStorage();
  }

  isInTask(): boolean {
    if (this.#loading.size > 0) return false;
    return this.#tasks === undefined || this.#tasks.getStore() === true;
  }

  refused(error: Error): void {
    // One that a module has left for later, and that its subscriber hears of, harms no run of the program.
    if (this.#loading.size > 0) this.onRefused(error);
    for (const [url, { reject }] of this.#loading) {
      this.#refused.set(url, error);
      this.#told.add(error);
      reject(error);
    }
  }

  /** True for a refusal that has ended the loading of a module: nobody need hear of it again. */
  hasTold(error: unknown): boolean {
    return this.#told.has(error as Error);
  }

  /** Imports a module; rejects as soon as a run is refused meanwhile, whatever the module does about it. */
  import(url: string): Promise<unknown> {
    const refusal = this.#refused.get(url);
    if (refusal) return Promise.reject(refusal);
    const loading = this.#loading.get(url);
    if (loading) return loading.exports;
    let reject: LoadingModule['reject'] = () => undefined;
    const exports = new Promise((resolve, fail) => {
      reject = fail;
      // Not before it counts as being loaded.
      Promise.resolve()
        .then(() => import(url))
        .finally(() => this.#loading.delete(url))
        .then(resolve, fail);
    });
    this.#loading.set(url, { exports, reject });
    return exports;
  }

  /** Runs tasks. */
  run<T>(tasks: () => T): T {
    if (!this.#watches) return tasks();
    this.#tasks ??= new AsyncLocalStorage();
    return this.#tasks.run(true, tasks);
  }
}

/** The scope of this worker's tasks. */
export const taskScope = new TaskScope();
