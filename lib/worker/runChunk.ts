import { clearTimeout, setTimeout } from 'node:timers';
import { isProxy } from 'node:util/types';
import { isInstance } from '../errors.js';
import type { ChunkMessage, FailureMessage, Transferable, WorkerMessage } from '../protocol/messages.js';
import { now as clock } from '../runtime/clock.js';
import { ColumnBatchBuilder, rowReader } from '../serialization/columnBatch.js';
import { decode } from '../serialization/decode.js';
import { Encoder } from '../serialization/encode.js';
import { SerializationError } from '../serialization/serializationError.js';
import { isThenable } from '../task/callTask.js';
import type { LoadedTask } from './loadTask.js';

/**
 * What has settled is reported at least this often, in ms: a long task must not hold back what was ready before it.
 * Each report wakes the main thread, which takes a core from a worker (`bench/constants.ts`).
 */
const REPORT_EVERY = 4;

/** Tasks quicker than this, in ms, share one look at the clock, which costs as much as a small task (`bench/constants.ts`). */
const QUICK = 0.001;
const QUICK_TASKS_PER_LOOK = 16;

export type Post = (
  message: Extract<WorkerMessage, { kind: 'report' | 'end' | 'started' | 'returned' }>,
  moved?: readonly Transferable[],
) => void;

/** With a `taskTimeout`, a task that took longer, in ms, is reported at once: nobody need guess when the next one began. */
const REPORTED_ALONE = 1;

/** What of a chunk has settled and is not reported yet. */
class Pending {
  count = 0;
  readonly failures: FailureMessage[] = [];
  readonly #encoder: Encoder;
  readonly #packer: ColumnBatchBuilder;

  constructor(
    capacity: number,
    threads: boolean,
    /** When the first task of this report started. */
    readonly since: number,
    literal: boolean,
  ) {
    this.#encoder = new Encoder({ sharedMemory: threads, transferMarked: true });
    this.#packer = new ColumnBatchBuilder(capacity, this.#encoder, { literalArrays: literal });
  }

  add(row: unknown): void {
    try {
      this.#packer.add(row);
    } catch (error) {
      if (!isInstance(error, SerializationError)) throw error;
      this.failures.push({
        offset: this.count,
        cause: undefined,
        untransferable: { what: 'result', path: error.path, why: error.why },
        expired: false,
      });
    }
    this.count += 1;
  }

  fail(error: unknown): void {
    const found = untransferableOf(error);
    const untransferable = found && { what: 'input' as const, ...found };
    this.failures.push({
      offset: this.count,
      cause: untransferable ? undefined : this.#encoder.encodeThrown(error),
      untransferable,
      expired: false,
    });
    this.count += 1;
  }

  /** The task has returned too late. */
  expire(): void {
    this.failures.push({ offset: this.count, cause: undefined, untransferable: undefined, expired: true });
    this.count += 1;
  }

  report(post: Post, now: number, last: boolean): void {
    const { message: rows, transferList } = this.#packer.take();
    const { count, failures, since } = this;
    const { tag } = this.#encoder;
    post({ kind: 'report', count, rows, failures, tag, elapsed: now - since, last }, transferList);
  }
}

/**
 * Runs inputs of a chunk until it is done, its time slice is spent or it is cancelled, and reports what has settled and
 * that it has ended.
 *
 * At least one input runs, so a run always gets on. Async tasks run one after another.
 */
export async function runChunk(
  message: ChunkMessage,
  { call, explain, literal }: LoadedTask,
  post: Post,
  threads: boolean,
  isCancelled: () => boolean,
): Promise<void> {
  const { inputs, timeSlice, taskTimeout } = message;
  const { length, tag } = inputs;
  const packed = rowReader(inputs);
  const decodeInput = (i: number): unknown => {
    // What is decoded may be large, and the task does not run yet.
    if (taskTimeout !== undefined) post({ kind: 'returned' });
    const value = decode(packed(i), tag as object);
    if (taskTimeout !== undefined) post({ kind: 'started' });
    return value;
  };
  const input = tag ? decodeInput : packed;
  const start = clock();
  const deadline = start + timeSlice;
  let pending = new Pending(length, threads, start, literal);
  let tasksPerLook = 1;
  let i = 0;
  /** Whether the last task is to be reported at once. */
  let alone = false;

  /** Reports what is due; whether the chunk ends here. */
  const look = (): boolean => {
    const now = clock();
    const over = i === length || now >= deadline || isCancelled();
    if (pending.count > 0 && (over || alone || now - pending.since >= REPORT_EVERY)) {
      pending.report(post, now, over);
      alone = false;
      if (!over) pending = new Pending(length - i, threads, clock(), literal);
    } else if (over) post({ kind: 'end', notRunnable: undefined });
    tasksPerLook = taskTimeout === undefined && now - start < i * QUICK ? QUICK_TASKS_PER_LOOK : 1;
    return over;
  };

  /** Returns true if a task that began then is late. Where its time counts, it is said that it has returned. */
  const isLate = (began: number, row: unknown): boolean => {
    if (taskTimeout === undefined) return false;
    const took = clock() - began;
    if (took >= REPORTED_ALONE) alone = true;
    // A large row may take longer to encode than its task had.
    if (alone || !isQuicklyEncoded(row)) post({ kind: 'returned' });
    return took > taskTimeout;
  };

  /** Runs tasks as long as they answer at once; gives the first promise, or `undefined` at the end. */
  const runStretch = (): { row: PromiseLike<unknown>; began: number } | undefined => {
    for (let untilLook = tasksPerLook; ; ) {
      let began = taskTimeout === undefined ? 0 : clock();
      try {
        const value = input(i);
        if (tag && taskTimeout !== undefined) began = clock();
        const row = call(value);
        if (isThenable(row)) return { row, began };
        if (isLate(began, row)) pending.expire();
        else pending.add(row);
      } catch (error) {
        if (isLate(began, error)) pending.expire();
        else pending.fail(explain(error));
      }
      i += 1;
      if (i === length || --untilLook === 0) {
        if (look()) return undefined;
        untilLook = tasksPerLook;
      }
    }
  };

  for (;;) {
    const awaited = runStretch();
    if (awaited === undefined) return;
    const { row, began } = awaited;
    let due: NodeJS.Timeout | undefined;
    if (pending.count > 0) {
      const report = () => {
        pending.report(post, clock(), false);
        pending = new Pending(length - i, threads, clock(), literal);
      };
      due = setTimeout(report, REPORT_EVERY);
    }
    try {
      // Awaited first: `pending` may be another one by then.
      const value = await row;
      if (isLate(began, value)) pending.expire();
      else pending.add(value);
    } catch (error) {
      if (isLate(began, error)) pending.expire();
      else pending.fail(explain(error));
    }
    clearTimeout(due);
    i += 1;
    if (look()) return;
  }
}

/** The longest text, and the longest array, that is encoded at once. */
const MAX_QUICK_LENGTH = { text: 10_000, array: 64 };

/** Returns true for primitives and small arrays of them: no other row is looked into, as code of the user may run then. */
function isQuicklyEncoded(row: unknown): boolean {
  if (typeof row === 'string') return row.length <= MAX_QUICK_LENGTH.text;
  if (typeof row !== 'object' || row === null) return true;
  if (isProxy(row) || !Array.isArray(row) || row.length > MAX_QUICK_LENGTH.array) return false;
  return row.every(item => typeof item === 'number' || typeof item === 'boolean');
}

/** Returns what is wrong with an input that could not be made here; `undefined` for anything else that a task throws. */
const untransferableOf = (error: unknown): { path: string; why: string } | undefined =>
  isInstance(error, SerializationError) ? { path: error.path, why: error.why } : undefined;
