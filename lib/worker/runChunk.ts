import { isThenable } from '../callTask.js';
import type { ChunkMessage, EndMessage, FailureMessage, Movable, ReportMessage } from '../protocol.js';
import { Packer, unpack } from '../transport/packing.js';
import { decode, Encoder, Untransferable } from '../transport/values.js';
import type { LoadedTask } from './loadTask.js';

/**
 * What has settled is reported at least this often, in ms: a long task must not hold back what was ready before it.
 * Each report wakes the main thread, which takes a core from a worker (`bench/constants.ts`).
 */
const REPORT_EVERY = 4;

/** Tasks quicker than this, in ms, share one look at the clock, which costs as much as a small task (`bench/constants.ts`). */
const QUICK = 0.001;
const QUICK_TASKS_PER_LOOK = 16;

export type Post = (message: ReportMessage | EndMessage, moved?: readonly Movable[]) => void;

/** What of a chunk has settled and is not reported yet. */
class Pending {
  count = 0;
  readonly failures: FailureMessage[] = [];
  readonly #encoder: Encoder;
  readonly #packer: Packer;

  constructor(
    capacity: number,
    threads: boolean,
    /** When the first task of this report started. */
    readonly since: number,
    literal: boolean,
  ) {
    this.#encoder = new Encoder(threads, true);
    this.#packer = new Packer(capacity, this.#encoder, literal);
  }

  add(row: unknown): void {
    try {
      this.#packer.add(row);
    } catch (error) {
      if (!(error instanceof Untransferable)) throw error;
      this.failures.push({
        offset: this.count,
        cause: undefined,
        untransferable: { what: 'result', path: error.path, why: error.why },
      });
    }
    this.count += 1;
  }

  fail(error: unknown): void {
    const untransferable =
      error instanceof Untransferable
        ? { what: 'input' as const, path: error.path, why: error.why }
        : undefined;
    this.failures.push({
      offset: this.count,
      cause: untransferable ? undefined : this.#encoder.encodeThrown(error),
      ...(untransferable && { untransferable }),
    });
    this.count += 1;
  }

  report(post: Post, now: number, last: boolean): void {
    const { message: rows, moved } = this.#packer.take();
    const { count, failures, since } = this;
    const { tag } = this.#encoder;
    post({ kind: 'report', count, rows, failures, tag, elapsed: now - since, ...(last && { last }) }, moved);
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
  const { inputs, slice } = message;
  const { length, tag } = inputs;
  const packed = unpack(inputs);
  const input = tag ? (i: number) => decode(packed(i), tag) : packed;
  const start = performance.now();
  const deadline = start + slice;
  let pending = new Pending(length, threads, start, literal);
  let tasksPerLook = 1;
  let i = 0;

  /** Reports what is due; whether the chunk ends here. */
  const look = (): boolean => {
    const now = performance.now();
    const over = i === length || now >= deadline || isCancelled();
    if (pending.count > 0 && (over || now - pending.since >= REPORT_EVERY)) {
      pending.report(post, now, over);
      if (!over) pending = new Pending(length - i, threads, now, literal);
    } else if (over) post({ kind: 'end' });
    tasksPerLook = now - start < i * QUICK ? QUICK_TASKS_PER_LOOK : 1;
    return over;
  };

  /** Runs tasks as long as they answer at once; gives the first promise, or `undefined` at the end. */
  const runStretch = (): PromiseLike<unknown> | undefined => {
    for (let untilLook = tasksPerLook; ; ) {
      try {
        const row = call(input(i));
        if (isThenable(row)) return row;
        pending.add(row);
      } catch (error) {
        pending.fail(explain(error));
      }
      i += 1;
      if (i === length || --untilLook === 0) {
        if (look()) return undefined;
        untilLook = tasksPerLook;
      }
    }
  };

  for (;;) {
    const row = runStretch();
    if (row === undefined) return;
    let due: NodeJS.Timeout | undefined;
    if (pending.count > 0) {
      const report = () => {
        pending.report(post, performance.now(), false);
        pending = new Pending(length - i, threads, performance.now(), literal);
      };
      due = setTimeout(report, REPORT_EVERY);
    }
    try {
      // Awaited first: `pending` may be another one by then.
      const value = await row;
      pending.add(value);
    } catch (error) {
      pending.fail(explain(error));
    }
    clearTimeout(due);
    i += 1;
    if (look()) return;
  }
}
