import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

/** What a bare worker is asked to run. */
export interface BareOrder {
  readonly source: string;
  readonly inputs: Float64Array;
  readonly rest: readonly unknown[];
}

/**
 * Threads that run a task in a bare loop over inputs that they all have: no scheduling, no messages in between.
 *
 * One of them gives the serial time of a sweep, under the very conditions that tasks have in a worker (the source
 * compiled there, not in the main thread); several at once give the most that so many workers can do.
 */
export class BareWorkers {
  readonly #workers: readonly Worker[];

  constructor(count: number) {
    this.#workers = Array.from(
      { length: count },
      () => new Worker(new URL('./bareLoop.js', import.meta.url)),
    );
    for (const worker of this.#workers) worker.unref();
  }

  /** Milliseconds that one worker's loop takes for all inputs, by its own clock. */
  async serial(
    task: (...parameters: never[]) => unknown,
    inputs: Float64Array,
    ...rest: unknown[]
  ): Promise<number> {
    return this.#run(this.#workers[0] as Worker, { source: String(task), inputs, rest });
  }

  /** Milliseconds until all workers have run their share of the inputs, consecutive ones. */
  async shared(
    task: (...parameters: never[]) => unknown,
    inputs: Float64Array,
    ...rest: unknown[]
  ): Promise<number> {
    const share = Math.ceil(inputs.length / this.#workers.length);
    const since = performance.now();
    await Promise.all(
      this.#workers.map((worker, i) =>
        this.#run(worker, { source: String(task), inputs: inputs.slice(i * share, (i + 1) * share), rest }),
      ),
    );
    return performance.now() - since;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map(worker => worker.terminate()));
  }

  async #run(worker: Worker, order: BareOrder): Promise<number> {
    worker.postMessage(order);
    const [milliseconds] = (await once(worker, 'message')) as [number];
    return milliseconds;
  }
}
