import { clearTimeout, setTimeout } from 'node:timers';
import { isProxy } from 'node:util/types';
import type { ChunkMessage, Transferable, WorkerMessage } from '../protocol/messages.js';
import { now as clock } from '../runtime/clock.js';
import { rowReader } from '../serialization/columnBatch.js';
import { decode } from '../serialization/decode.js';
import type { FoundFunction } from '../serialization/markedFunctions.js';
import { isThenable } from '../task/isThenable.js';
import { ChangeWatch } from './changeWatch.js';
import type { LoadedTask } from './loadTask.js';
import { ReportBuilder } from './reportBuilder.js';

/**
 * The longest time between two reports: a long task must not hold back what was ready before it. Each report wakes the main
 * thread, which takes a core from a worker (`bench/constants.ts`).
 */
const REPORT_EVERY_MS = 4;

/**
 * Tasks quicker than this share one look at what is due, which costs as much as several of them (`bench/constants.ts`).
 * One that takes longer, after quick ones, has a look of its own all the same: the pulse or the clock tells of it.
 */
const QUICK_TASK_MS = 0.001;
const QUICK_TASKS_PER_LOOK = 16;

/** With a `taskTimeout`, a task that took longer is reported at once: nobody need guess when the next one began. */
const LONG_TASK_MS = 1;

/** The messages of a chunk that runs: reports, and its end. */
export type ChunkReport = Extract<WorkerMessage, { kind: 'report' | 'end' | 'started' | 'returned' }>;

/** The surroundings of a chunk that runs. */
export interface ChunkContext {
  /** True if the reports go to a thread: memory can be shared with it, and transferred to it. */
  readonly sharedMemory: boolean;
  /** False if the reports go to another host, which finds no function by the URL that its module has here. */
  readonly functionsByReference: boolean;
  /** The functions that the inputs hold, as they were found here. */
  readonly functions: readonly FoundFunction[];
  /** A number that another thread changes as time passes. Without it there is nothing but the clock to tell. */
  readonly pulse: Int32Array | undefined;
  post(message: ChunkReport, transferList?: readonly Transferable[]): void;
  /** True if tasks have printed something that has not left yet. */
  hasOutput(): boolean;
  /** True once nobody waits for the chunk any more. */
  isCancelled(): boolean;
}

/**
 * Runs inputs of a chunk until it is done, its time slice is spent or it is cancelled. Posts what has settled, and that
 * the chunk has ended.
 *
 * At least one input runs, so a run always gets on. Async tasks run one after another.
 */
export const runChunk = (message: ChunkMessage, task: LoadedTask, context: ChunkContext): Promise<void> =>
  new RunningChunk(message, task, context).run();

/** A promise that a task has returned, and when that task began. */
interface AwaitedRow {
  readonly row: PromiseLike<unknown>;
  readonly began: number;
}

class RunningChunk {
  readonly #task: LoadedTask;
  readonly #context: ChunkContext;
  readonly #length: number;
  readonly #input: (i: number) => unknown;
  readonly #taskTimeout: number | undefined;
  readonly #start = clock();
  readonly #deadline: number;
  /** Watches what the calls share, where they can change it. */
  readonly #watch: ChangeWatch | undefined;
  /** The input that runs, or runs next. */
  #next = 0;
  #pending: ReportBuilder;
  #tasksPerLook = 1;
  /** The last look: when it was, and how many tasks had run. */
  #lookedAt = this.#start;
  #looked = 0;
  /** When something is due next, where no pulse tells that time has passed. */
  #dueAt = 0;
  /** True if the last task is to be reported at once. */
  #reportNow = false;

  constructor({ inputs, timeSlice, taskTimeout }: ChunkMessage, task: LoadedTask, context: ChunkContext) {
    const { length, tag } = inputs;
    const read = rowReader(inputs);
    this.#task = task;
    this.#context = context;
    this.#length = length;
    this.#input = tag ? i => this.#decode(read(i), tag) : read;
    this.#taskTimeout = taskTimeout;
    this.#deadline = this.#start + timeSlice;
    this.#pending = this.#newReport(this.#start);
    this.#watch = task.shared && new ChangeWatch(task.shared);
  }

  async run(): Promise<void> {
    for (;;) {
      const awaited = this.#runStretch();
      if (awaited === undefined) return;
      // What is ready before it is reported meanwhile.
      const due =
        this.#pending.count > 0 ? setTimeout(() => this.#reportMeanwhile(), REPORT_EVERY_MS) : undefined;
      try {
        this.#fulfill(await awaited.row, awaited.began);
      } catch (error) {
        this.#reject(error, awaited.began);
      }
      clearTimeout(due);
      this.#next += 1;
      if (this.#look()) return;
    }
  }

  /** Runs tasks as long as they answer at once. Returns the first promise, or `undefined` at the end of the chunk. */
  #runStretch(): AwaitedRow | undefined {
    let { call } = this.#task;
    const input = this.#input;
    const watch = this.#watch;
    const isTimed = this.#taskTimeout !== undefined;
    const { pulse } = this.#context;
    // A plain look, which is not atomic, costs next to nothing, and sees a change no later than the next task does.
    let beat = pulse?.[0];
    for (let untilLook = this.#tasksPerLook; ; ) {
      let began = 0;
      try {
        const value = input(this.#next);
        if (isTimed) began = clock();
        const row = call(value);
        if (isThenable(row)) return { row, began };
        this.#fulfill(row, began);
      } catch (error) {
        this.#reject(error, began);
      }
      this.#next += 1;
      if (
        this.#next === this.#length ||
        --untilLook === 0 ||
        (pulse ? pulse[0] !== beat : clock() >= this.#dueAt)
      ) {
        beat = pulse?.[0];
        if (this.#look()) return undefined;
        untilLook = this.#tasksPerLook;
        // What its calls share may have been renewed.
        if (watch) call = this.#task.call;
      }
    }
  }

  /** Decodes an input. It may be large, and no task runs meanwhile. */
  #decode(input: unknown, tag: object): unknown {
    const { functions } = this.#context;
    if (this.#taskTimeout === undefined) return decode(input, tag, functions);
    this.#context.post({ kind: 'returned' });
    const value = decode(input, tag, functions);
    this.#context.post({ kind: 'started' });
    return value;
  }

  #fulfill(row: unknown, began: number): void {
    if (this.#isLate(began, row)) this.#pending.expire();
    else this.#pending.add(row);
  }

  #reject(thrown: unknown, began: number): void {
    // Of an input that cannot be decoded no task began.
    if (began > 0 && this.#isLate(began, thrown)) this.#pending.expire();
    else this.#pending.fail(this.#task.explain(thrown));
  }

  /** True if a task that began then is late. Where its time counts, says that it has returned. */
  #isLate(began: number, row: unknown): boolean {
    if (this.#taskTimeout === undefined) return false;
    const took = clock() - began;
    if (took >= LONG_TASK_MS) this.#reportNow = true;
    // A large row may take longer to encode than its task had.
    if (this.#reportNow || !isQuicklyEncoded(row)) this.#context.post({ kind: 'returned' });
    return took > this.#taskTimeout;
  }

  /** Reports what is due. Returns true if the chunk ends here. */
  #look(): boolean {
    const now = clock();
    const { count, since, hasFailures } = this.#pending;
    const isOver =
      this.#next === this.#length ||
      now >= this.#deadline ||
      this.#context.isCancelled() ||
      // What a failing task has printed leaves before its failure is heard: the chunk ends for that.
      (hasFailures && this.#context.hasOutput());
    const isDue = count > 0 && (isOver || this.#reportNow || now - since >= REPORT_EVERY_MS);
    const watch = this.#watch;
    if (watch && (isDue || (this.#tasksPerLook === 1 && watch.isDue(now)))) {
      if (watch.look(this.#next) === 'changed by some') {
        // Nobody knows by which: what is not reported runs again, on what came.
        this.#context.post({ kind: 'end', notRunnable: undefined });
        return true;
      }
    }
    if (isDue) this.#report(isOver, now);
    else if (isOver) this.#context.post({ kind: 'end', notRunnable: undefined });
    const tasks = this.#next - this.#looked;
    const areQuick = this.#taskTimeout === undefined && now - this.#lookedAt < tasks * QUICK_TASK_MS;
    this.#tasksPerLook = areQuick && !watch?.isCareful ? QUICK_TASKS_PER_LOOK : 1;
    this.#looked = this.#next;
    this.#lookedAt = now;
    this.#dueAt = Math.min(this.#deadline, this.#pending.since + REPORT_EVERY_MS);
    return isOver;
  }

  /** Reports what is ready while a task is awaited, unless a task has changed what all share: the next look says which. */
  #reportMeanwhile(): void {
    if (this.#watch?.isUnchangedMeanwhile(this.#next) !== false) this.#report(false);
  }

  #report(last: boolean, now = clock()): void {
    const { report, transferList } = this.#pending.build({ now, last });
    this.#context.post(report, transferList);
    this.#reportNow = false;
    if (!last) this.#pending = this.#newReport(clock());
  }

  #newReport(since: number): ReportBuilder {
    return new ReportBuilder({
      capacity: this.#length - this.#next,
      sharedMemory: this.#context.sharedMemory,
      functionsByReference: this.#context.functionsByReference,
      literalArrays: this.#task.literalArrays,
      since,
    });
  }
}

/** The longest text, and the longest array, that is encoded at once. */
const MAX_QUICK_LENGTH = { text: 10_000, array: 64 };

/** True for primitives and small arrays of them: no other row is looked into, as code of the user may run then. */
function isQuicklyEncoded(row: unknown): boolean {
  if (typeof row === 'string') return row.length <= MAX_QUICK_LENGTH.text;
  if (typeof row !== 'object' || row === null) return true;
  if (isProxy(row) || !Array.isArray(row) || row.length > MAX_QUICK_LENGTH.array) return false;
  return row.every(item => typeof item === 'number' || typeof item === 'boolean');
}
