import {
  type FailedInput,
  NotTransferableError,
  TaskError,
  TaskTimeoutError,
  WorkerCrashError,
  type WorkerExit,
} from '../errors.js';
import { ChunkTimeoutError, type Failure, type Report, type Run, WorkerLostError } from '../executor.js';
import type { Plan } from '../options/mapOptions.js';
import { noRows, sliceBatch } from '../serialization/columnBatch.js';
import { locateFrames } from '../task/locateFrames.js';
import type { InFlightChunk } from './inFlightChunk.js';
import { type InputHistory, type Segment, sliceSegment } from './segment.js';
import { type SettledBatch, settledBatch } from './settledBatch.js';

/** Workers that may die with an input before it is held to be the cause: one with others, then two with it alone. */
const MAX_CRASHES = 3;

/** A report in parts: what has settled for good, what is to be tried again, and the failure that ends the run. */
export interface Verdict {
  readonly batches: readonly SettledBatch[];
  readonly retries: readonly Segment[];
  readonly fatal: TaskError | undefined;
}

/** The consequence for a chunk whose worker is gone. */
export type LossVerdict =
  /** The executor cannot go on: the run ends with its error. */
  | { readonly kind: 'end' }
  /** The inputs that have not settled are given out again as they were. */
  | { readonly kind: 'give again' }
  /** The inputs that have not settled are given out again, one by one: each of them may be the cause. */
  | { readonly kind: 'suspect'; readonly history: InputHistory }
  /** The one input that is left has failed. */
  | ({ readonly kind: 'failed' } & Verdict);

// By their codes: the executor may be of another copy of this package.

const isChunkTimeout = (error: unknown): error is ChunkTimeoutError =>
  (error as ChunkTimeoutError | undefined)?.code === ChunkTimeoutError.code;

const isWorkerLost = (error: unknown): error is WorkerLostError =>
  (error as WorkerLostError | undefined)?.code === WorkerLostError.code;

/** Decides what becomes of failures, the same for every executor. It changes nothing. */
export class FailurePolicy {
  constructor(
    private readonly run: Run,
    private readonly plan: Pick<Plan, 'failures' | 'retry' | 'calledAt'>,
  ) {}

  /** Divides a report where an input is to be tried again, and cuts it off where a failure ends the run. */
  judge({ chunk, settled, segment }: InFlightChunk, { count, rows, failures }: Report): Verdict {
    const { history } = segment;
    const batches: SettledBatch[] = [];
    const retries: Segment[] = [];
    let start = 0;
    let row = 0;
    let errors: TaskError[] = [];
    const close = (end: number) => {
      const good = end - start - errors.length;
      if (end > start)
        batches.push(
          settledBatch(chunk, settled + start, end - start, sliceBatch(rows, row, row + good), errors),
        );
      row += good;
      errors = [];
      start = end + 1;
    };
    for (const failure of failures) {
      const offset = settled + failure.offset;
      const failed = { index: chunk.first + offset, input: chunk.inputs[offset] };
      if (!failure.untransferable && this.#mayRetry(history)) {
        close(failure.offset);
        retries.push(nextTry(segment, offset));
        continue;
      }
      locateFrames(failure.cause, this.run.task);
      const error = errorOf(failure, failed, this.run);
      this.plan.calledAt.show(error);
      if (this.plan.failures === 'end the run') {
        close(failure.offset);
        return { batches, retries, fatal: error };
      }
      errors.push(error);
    }
    close(count);
    return { batches, retries, fatal: undefined };
  }

  /** Judges a chunk that ended with an error, as its worker is gone. */
  judgeLoss({ chunk, settled, unsettled, segment }: InFlightChunk, error: unknown): LossVerdict {
    const { history } = segment;
    const expired = isChunkTimeout(error);
    if (!expired && !isWorkerLost(error)) return { kind: 'end' };
    if (unsettled === 0 || (!expired && error.atStart)) return { kind: 'give again' };
    const crashes = history.crashes + (expired ? 0 : 1);
    if (unsettled > 1 || (!expired && crashes < MAX_CRASHES))
      return { kind: 'suspect', history: { ...history, crashes } };

    const failed = { index: chunk.first + settled, input: chunk.inputs[settled] };
    if (this.#mayRetry(history))
      return { kind: 'failed', batches: [], retries: [nextTry(segment, settled)], fatal: undefined };
    const final = expired
      ? new TaskTimeoutError(failed, this.run.taskTimeout as number)
      : new WorkerCrashError(failed, error.exit as WorkerExit);
    this.plan.calledAt.show(final);
    if (this.plan.failures === 'end the run')
      return { kind: 'failed', batches: [], retries: [], fatal: final };
    const batch = settledBatch(chunk, settled, 1, noRows, [final]);
    return { kind: 'failed', batches: [batch], retries: [], fatal: undefined };
  }

  #mayRetry({ attempts }: InputHistory): boolean {
    return attempts < this.plan.retry.count;
  }
}

/** Makes a segment of an input that is to be tried again: what it did to workers before is forgiven. */
const nextTry = (segment: Segment, offset: number): Segment => ({
  ...sliceSegment(segment, offset, offset + 1),
  // The memory of numbers is used again once all of the chunk have settled.
  values: [segment.values[offset]],
  alone: true,
  history: { crashes: 0, attempts: segment.history.attempts + 1 },
});

function errorOf({ cause, untransferable, expired }: Failure, failed: FailedInput, run: Run): TaskError {
  if (expired) return new TaskTimeoutError(failed, run.taskTimeout as number);
  if (!untransferable) return new TaskError(failed, cause);
  const { what, path, why } = untransferable;
  return new NotTransferableError(failed, what, path, why);
}
