import { type Observable, Subscription } from 'rxjs';
import type { Report } from '../../../executor.js';
import { endOf } from '../protocol/chunkEnd.js';
import type { ChunkEnd, JobData } from '../protocol/messages.js';
import { jobId } from '../redis/keys.js';
import type { RemoteReport } from './remoteChunkCodec.js';
import type { Reporter } from './reporter.js';

/** The way in which a chunk ended on this worker; `'cancelled'` where nobody waits for it any more, and nothing is to be reported. */
export type HeldChunkEnd = ChunkEnd | 'cancelled';

/** A chunk on this worker. */
export class HeldChunk {
  readonly job: JobData;
  readonly id: string;
  readonly #since = performance.now();
  /** The number of its inputs, once they are known. */
  length = 0;
  #settled = 0;
  /** The end of a chunk that was stopped before its time. */
  #stopped: HeldChunkEnd | undefined;
  /** Ends the execution, while there is one. */
  #onStop: ((end: HeldChunkEnd) => void) | undefined;

  constructor(job: JobData) {
    this.job = job;
    this.id = jobId(job.client, job.chunk);
  }

  /** The number of inputs that have settled here. */
  get settled(): number {
    return this.#settled;
  }

  /** Milliseconds since the chunk came. */
  get elapsed(): number {
    return performance.now() - this.#since;
  }

  /** Hands back what has not settled: the worker is to end. */
  handBack(): void {
    this.#stop({ kind: 'done' });
  }

  /** Stops it without a report: nobody waits for it any more. */
  cancel(): void {
    this.#stop('cancelled');
  }

  #stop(end: HeldChunkEnd): void {
    this.#stopped ??= end;
    this.#onStop?.(end);
  }

  /**
   * Runs the chunk, unless it was stopped before.
   * @param reports the chunk on the worker's threads; reports are of `remoteChunkCodec`
   * @returns how it has ended
   */
  execute(reports: Observable<Report>, reporter: Reporter): HeldChunkEnd | Promise<HeldChunkEnd> {
    if (this.#stopped) return this.#stopped;
    return new Promise(resolve => {
      const execution = new Subscription();
      this.#onStop = end => {
        execution.unsubscribe();
        resolve(end);
      };
      execution.add(
        reports.subscribe({
          next: report => {
            this.#settled += report.count;
            reporter.add((report as RemoteReport).message, () => this.cancel());
          },
          error: error => resolve(endOf(error)),
          complete: () => resolve({ kind: 'done' }),
        }),
      );
    });
  }
}
