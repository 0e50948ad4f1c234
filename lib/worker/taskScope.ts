import { AsyncLocalStorage } from 'node:async_hooks';
import type { WorkerState } from '../protocol/workerState.js';
import { importModule } from './importModule.js';

/** A module that is or was loaded for a task. */
class TaskModule {
  exports: Promise<unknown> = Promise.resolve();
  /** Ends the loading by a run that was refused meanwhile. */
  reject: (refusal: Error) => void = () => undefined;

  constructor(readonly url: string) {}
}

/**
 * Tells code of tasks from the rest that runs in a worker: what a module does as it is loaded, and what it leaves running
 * then. Only tasks may start runs, as a module that does so would start them again in each worker.
 */
class TaskScope implements WorkerState {
  depth = 1;
  /** Modules that are being loaded. */
  readonly #loading = new Map<string, TaskModule>();
  /** Modules that have started a run as they were loaded: they are not loaded again. */
  readonly #refused = new Map<string, Error>();
  readonly #told = new WeakSet<Error>();
  /** Says whose code runs. It makes promises slower, so it is on while a module loads, and where runs can be started. */
  readonly #origin = new AsyncLocalStorage<TaskModule | 'task'>();
  #watches = false;
  #marksTasks = false;
  /** True if a task has run unmarked: what it has left behind belongs to nobody. */
  #hasUnmarked = false;
  /** Hears of a run that was refused, before the code that started it does. */
  onRefused: (error: Error) => void = () => undefined;

  get loading(): string | undefined {
    return this.#loadingNow()?.url;
  }

  watch(): void {
    this.#watches = true;
    // It may be off, and is to know what modules have left behind.
    this.#origin.run('task', () => undefined);
  }

  isInTask(): boolean {
    const origin = this.#origin.getStore();
    if (origin !== undefined) return origin === 'task';
    // A task that loads this library itself was not marked when it began: that concerns the next ones.
    return !this.#marksTasks && this.#loading.size === 0;
  }

  refused(error: Error): void {
    // One that a module has left for later, and that its subscriber hears of, harms no run of the program.
    const module = this.#loadingNow();
    if (!module) return;
    this.onRefused(error);
    this.#refused.set(module.url, error);
    this.#told.add(error);
    module.reject(error);
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
    const module = new TaskModule(url);
    this.#loading.set(url, module);
    module.exports = new Promise((resolve, reject) => {
      module.reject = reject;
      this.#origin
        .run(module, () => importModule(url))
        .finally(() => this.#loaded(url))
        .then(resolve, reject);
    });
    return module.exports;
  }

  /** Runs tasks. */
  run<T>(tasks: () => T): T {
    if (!this.#watches) {
      this.#hasUnmarked = true;
      return tasks();
    }
    this.#marksTasks = true;
    return this.#origin.run('task', tasks);
  }

  #loaded(url: string): void {
    this.#loading.delete(url);
    if (!this.#watches && this.#loading.size === 0) this.#origin.disable();
  }

  /** Returns the module that is being loaded by the code that runs now, as far as is known. */
  #loadingNow(): TaskModule | undefined {
    const origin = this.#origin.getStore();
    if (origin === 'task') return undefined;
    if (origin) return this.#loading.get(origin.url);
    // A callback of native code, say, that belongs to nobody. What a task has left behind is no module's.
    if (this.#hasUnmarked) return undefined;
    const [only, ...others] = this.#loading.values();
    return others.length === 0 ? only : undefined;
  }
}

/** The scope of this worker's tasks. */
export const taskScope = new TaskScope();
