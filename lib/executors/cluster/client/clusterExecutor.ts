import { randomBytes } from 'node:crypto';
import { Observable, Subject } from 'rxjs';
import {
  type Chunk,
  type ChunkPolicy,
  type Executor,
  ExecutorClosedError,
  type Report,
  type Run,
} from '../../../executor.js';
import { sharedContext } from '../../../runtime/sharedContext.js';
import { refusedInput } from '../../refusedInput.js';
import { TIME_SLICE_MS } from '../protocol/timing.js';
import { ClusterClient, type ClusterClientOptions } from './clusterClient.js';
import { inputsOf } from './inputsOf.js';
import { type SharedRun, SharedRuns } from './sharedRuns.js';
import { WorkerRegistry } from './workerRegistry.js';

/** The most inputs of a chunk, as on threads: more make a chunk's memory outgrow the caches. */
const MAX_INPUTS = 16_384;

export interface ClusterExecutorOptions extends ClusterClientOptions {
  /** Milliseconds without any worker until runs end with an error; `undefined` for never. */
  readonly workerTimeout: number | undefined;
  /** The project's root: modules of tasks are named relative to it. */
  readonly root: string;
}

/**
 * Runs chunks on workers of other processes and hosts, each chunk a job of a BullMQ queue.
 *
 * A job holds names only. Inputs lie beside it until a worker takes them, once; reports come back in a stream of this
 * client's own. BullMQ is not asked whether all is well: twice a second clients and workers say what they have, and
 * who says nothing, or not this chunk any more, has lost it. See the README of the cluster.
 */
export class ClusterExecutor implements Executor, AsyncDisposable {
  readonly chunkPolicy: ChunkPolicy = { timeSlice: TIME_SLICE_MS, maxInputs: MAX_INPUTS };
  readonly changes = new Subject<void>();
  readonly #options: ClusterExecutorOptions;
  readonly #runs: SharedRuns;
  readonly #registry: WorkerRegistry;
  /** Made with the first chunk. */
  #client: ClusterClient | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ClusterExecutorOptions) {
    this.#options = options;
    this.#runs = new SharedRuns(options);
    this.#registry = new WorkerRegistry(options.queue, options.workerTimeout);
  }

  /** The threads of all workers that are connected; 1 where none is, for the chunk that waits for the first of them. */
  get parallelism(): number {
    return Math.max(1, this.#registry.threads);
  }

  run(chunk: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      if (this.#closed) {
        subscriber.error(new ExecutorClosedError());
        return;
      }
      let run: SharedRun;
      try {
        run = this.#runs.share(chunk.run);
      } catch (error) {
        subscriber.error(error);
        return;
      }
      const inputs = inputsOf(chunk, this.#options);
      // Code of the user may run as inputs are packed, and unsubscribe.
      if (subscriber.closed) return;
      if ('untransferable' in inputs) {
        subscriber.next(refusedInput(inputs.untransferable));
        subscriber.complete();
        return;
      }
      this.#client ??= this.#connect();
      this.#client.send(run, inputs, subscriber);
    });
  }

  forget(run: Run): void {
    const shared = this.#runs.forget(run);
    if (shared) this.#client?.forget(shared);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // `closed` is set before any chunk ends, so that no further chunk of the runs that end now is taken on.
    await Promise.resolve();
    const ended = this.#client?.endChunks() ?? [];
    this.changes.complete();
    await this.#client?.leave(ended);
  }

  #connect(): ClusterClient {
    const id = randomBytes(8).toString('hex');
    // Its connections serve other runs after this one.
    return sharedContext.runInAsyncScope(
      () => new ClusterClient(this.#options, id, this.#runs, this.#registry, () => this.changes.next()),
    );
  }
}
