import { asyncScheduler, Subscription } from 'rxjs';
import {
  type FailedInput,
  MapError,
  NotTransferableError,
  TaskError,
  TaskTimeoutError,
  WorkerCrashError,
  type WorkerExit,
} from '../errors.js';
import {
  type Chunk,
  type ChunkPolicy,
  ChunkTimeoutError,
  defaultChunkPolicy,
  type Failure,
  type Report,
  type Run,
  WorkerLostError,
} from '../executor.js';
import type { Plan } from '../options/mapOptions.js';
import type { ProgressMeter } from '../progress/progressMeter.js';
import type { ColumnBatch } from '../protocol/columnBatch.js';
import { Fifo } from '../queues/fifo.js';
import { callObserver } from '../runtime/callObserver.js';
import { noRows, sliceBatch } from '../serialization/columnBatch.js';
import { ChunkSize } from './chunkSize.js';
import { type ChunkListener, InFlightChunk } from './inFlightChunk.js';
import { type InputHistory, InputQueue, type Segment, sliceInputs } from './inputQueue.js';
import { ReorderBuffer } from './reorderBuffer.js';
import { RetryQueue } from './retryQueue.js';

/** Consecutive inputs that have settled for good: rows of the good ones, errors of the others. */
export interface SettledBatch {
  readonly first: number;
  readonly count: number;
  /** The inputs, the first of them at `offset`. */
  readonly inputs: ArrayLike<unknown>;
  readonly offset: number;
  readonly rows: ColumnBatch;
  /** By index. */
  readonly failures: readonly TaskError[];
}

/** Who wants a run's results. */
export interface Sink {
  block(block: SettledBatch): void;
  error(error: unknown): void;
  complete(): void;
}

/** A source that is read on demand. */
export interface Supply {
  /** Asks for `count` more inputs; they come by `push`, now or later. */
  request(count: number): void;
}

/** How often an input may be with a worker that dies before it is held to be the cause: once among others, then alone. */
const CRASHES = 3;

/** The default of `maxBuffered`, per worker: results, and chunks. */
const BUFFERED_RESULTS = 1024;
const BUFFERED_CHUNKS = 4;

/** Inputs that a source may push before it is looked what the workers have said meanwhile: some 0.1 ms (`bench/constants.ts`). */
const POLL_EVERY = 8_192;

/** A worker may hand back a chunk as it is; an executor that does nothing else would keep the run busy for ever. */
const BARREN = 1000;

const NO_HISTORY: InputHistory = { crashes: 0, attempts: 0 };

/** What a chunk has said, until it is heard. */
type News =
  | { readonly kind: 'report'; readonly flight: InFlightChunk; readonly report: Report }
  | { readonly kind: 'lost'; readonly flight: InFlightChunk; readonly error: unknown }
  | { readonly kind: 'landed'; readonly flight: InFlightChunk };

/** Where specs put a set, each run that begins adds what looks over its state: see the README beside this file. */
const auditors = (): Set<() => string[]> | undefined =>
  (globalThis as Record<symbol, unknown>)[Symbol.for('rx-parfor.audit')] as Set<() => string[]> | undefined;

/**
 * Runs a task over inputs on an executor: one for each subscription.
 *
 * It gives out chunks while workers are free, takes back what was not run, tries failures again, puts blocks in order
 * and knows when all is done. It has no clock but RxJS's own, and no promise: a spec drives it in virtual time.
 *
 * Code of the user may run within any call out of here, and may call anything of this class. So all that happens is only
 * noted where it happens, and is done in two loops, `#settle` and `#dispatch`, of which neither runs within itself:
 * each turn of them makes one choice, changes the state, and calls out last.
 */
export class Dispatcher {
  readonly #inputs = new InputQueue();
  readonly #policy: ChunkPolicy;
  readonly #size: ChunkSize;
  readonly #flights = new Set<InFlightChunk>();
  readonly #timers = new Subscription();
  readonly #errors: TaskError[] = [];
  readonly #order: ReorderBuffer | undefined;
  /** Failed inputs that wait for their next try. */
  readonly #retries: RetryQueue;
  /** Chunks that may be on their way now. */
  #concurrency: number;
  readonly #tower: ChunkListener = {
    report: (flight, report) => this.#note({ kind: 'report', flight, report }),
    failed: (flight, error) => this.#note({ kind: 'lost', flight, error }),
    landed: flight => this.#note({ kind: 'landed', flight }),
  };
  #supply: Supply | undefined;
  /** Inputs that the supply was asked for and has not given. */
  #requested = 0;
  /** Workers that are busy for this run. */
  #running = 0;
  /** Chunks in a row that came back as they were. */
  #barren = 0;
  /** Inputs before this one have settled or are with a worker: the front of what `maxBuffered` bounds. */
  #front = 0;
  /** Inputs that have settled for good. */
  #settled = 0;
  #ended = false;
  /** What the run ends with once its inputs have settled. */
  #endsWith: { readonly error: unknown } | undefined;
  #over = false;
  #settling = false;
  #dispatching = false;
  /** Whether anything but reports has come since the last look at what to give out. */
  #changed = false;
  /** What chunks have said and nobody has heard yet. */
  readonly #news = new Fifo<News>();
  /** Blocks that are to be delivered now. */
  readonly #due = new Fifo<SettledBatch>();
  /** Whether the progress is to be told now. */
  #progressed = false;
  /** What the run is to end with when all that is due has been delivered. */
  #failure: { readonly error: unknown } | undefined;
  readonly #audit = () => this.#problems();

  constructor(
    private readonly run: Run,
    private readonly plan: Plan,
    private readonly sink: Sink,
    private readonly meter: ProgressMeter | undefined,
  ) {
    const { executor, chunk, ordered, timeout, retry } = plan;
    this.#concurrency = run.concurrency;
    this.#policy = executor.chunkPolicy ?? defaultChunkPolicy;
    this.#size = new ChunkSize(this.#policy, this.#concurrency, chunk === 'auto' ? undefined : chunk);
    this.#retries = new RetryQueue(retry.delay, segments => {
      this.#putBackAll(segments);
      this.#turn();
    });
    if (ordered) this.#order = new ReorderBuffer(block => this.#due.push(block));
    if (meter) meter.running = () => this.#withWorkers();
    auditors()?.add(this.#audit);
    if (plan.concurrency === undefined && executor.changes)
      this.#timers.add(
        executor.changes.subscribe(() => {
          this.#concurrency = executor.parallelism;
          this.#size.workers = this.#concurrency;
          this.#turn();
        }),
      );
    if (timeout !== undefined)
      this.#timers.add(
        asyncScheduler.schedule(
          () => this.fail(new TaskTimeoutError({ index: undefined, input: undefined }, timeout)),
          timeout,
        ),
      );
  }

  /** Reads the inputs on demand from here on. */
  supplyFrom(supply: Supply): void {
    this.#supply = supply;
    this.#turn();
  }

  push(value: unknown): void {
    this.#inputs.push(value);
    if (this.#requested > 0) this.#requested -= 1;
    if (this.#running < this.#concurrency) this.#turn();
    else if (this.#inputs.next % POLL_EVERY === 0) this.#poll();
  }

  /** The source has completed. */
  end(): void {
    this.#ended = true;
    if (this.meter) this.meter.total = this.#inputs.next;
    this.#turn();
  }

  /** The source can give no more inputs: those that it has given settle, and the run ends with this error. */
  endWith(error: unknown): void {
    this.#endsWith = { error };
    this.end();
  }

  /** Ends the run with an error, and lets go of the workers. */
  fail(error: unknown): void {
    if (!this.#close()) return;
    this.meter?.error(error);
    callObserver(() => this.sink.error(error));
  }

  /** Lets go of the workers: nobody waits for the run any more. */
  stop(): void {
    if (this.#close()) this.meter?.stop();
  }

  #complete(): void {
    if (!this.#close()) return;
    this.meter?.complete();
    callObserver(() => this.sink.complete());
  }

  /** Whether the run was still on. */
  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    auditors()?.delete(this.#audit);
    if (this.meter) {
      // The last news of a run that ends early says what was under way.
      const running = this.#withWorkers();
      this.meter.running = () => running;
    }
    this.#timers.unsubscribe();
    this.#retries.stop();
    const flights = [...this.#flights];
    this.#flights.clear();
    this.#running = 0;
    for (const flight of flights) callObserver(() => flight.unsubscribe());
    callObserver(() => this.plan.executor.forget?.(this.run));
    return true;
  }

  /** A source that pushes for long keeps the event loop from its work: workers would have nothing to do meanwhile. */
  #poll(): void {
    if (this.#dispatching || this.#settling) return;
    this.plan.executor.poll?.();
    this.#turn();
  }

  #note(news: News): void {
    if (this.#over) return;
    this.#news.push(news);
    if (news.kind !== 'report') this.#changed = true;
    this.#settle();
    // A report frees no worker: one that works goes on until its chunk ends, and is then given the next.
    if (this.#changed || this.#running < this.#concurrency) this.#dispatch();
  }

  /** Does what there is to do, or leaves it to the loop that is at it already. */
  #turn(): void {
    this.#changed = true;
    this.#settle();
    this.#dispatch();
  }

  /** Hears what chunks have said, and delivers what has settled: one after the other, and none within another. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    while (!this.#over) {
      const block = this.#due.shift();
      if (block) callObserver(() => this.sink.block(block));
      else if (this.#failure) this.fail(this.#failure.error);
      else if (this.#progressed) {
        this.#progressed = false;
        this.meter?.settled();
      } else {
        const news = this.#news.shift();
        if (!news) break;
        this.#hear(news);
      }
    }
    this.#settling = false;
  }

  #hear(news: News): void {
    try {
      if (news.kind === 'report') this.#hearReport(news.flight, news.report);
      else if (news.kind === 'landed') this.#hearLanded(news.flight);
      else this.#hearLost(news.flight, news.error);
    } catch (error) {
      // A report whose rows are not what they say.
      this.#failure = { error };
    }
  }

  /** Gives out what there is for those who are free, and completes the run where that was all. */
  #dispatch(): void {
    if (this.#dispatching || this.#settling) return;
    this.#dispatching = true;
    try {
      while (!this.#over && this.#step());
    } catch (error) {
      this.fail(error);
    }
    this.#dispatching = false;
    this.#changed = false;
    this.#completeIfDone();
  }

  /** Makes one choice and does it; whether there was anything to do. */
  #step(): boolean {
    const idle = this.#running < this.#concurrency;
    if (!idle && !this.#leader()) return false;
    const room = this.#room();
    if (this.#supply && !this.#ended) {
      const missing = Math.min(room, this.#size.full) - this.#inputs.length;
      if (missing > 0 && missing !== this.#requested) {
        this.#requested = missing;
        this.#supply.request(missing);
        return true;
      }
    }
    if (this.#inputs.length === 0) return idle && this.#recall();
    // What a supply still holds is not known: what is here is one chunk's, not everyone's share.
    const size = this.#supply && !this.#ended ? this.#size.full : this.#size.next(this.#inputs.length);
    if (Math.min(size, room) <= 0) return false;
    const leader = idle ? undefined : this.#leader();
    // What goes alone waits for nobody, as what it waits for may end its worker.
    if (leader && this.#inputs.alone) return false;
    this.#start(this.#inputs.take(Math.min(size, room)), leader);
    return true;
  }

  /** A flight whose worker may be given one chunk more, so that it need not wait for the next one. */
  #leader(): InFlightChunk | undefined {
    const { prefetching } = this.plan.executor;
    const { cost } = this.#size;
    if (!prefetching || cost === undefined) return undefined;
    // What cannot be recalled must not wait behind long tasks while another worker has nothing to do.
    if (!prefetching.recall && cost > this.#policy.timeSlice) return undefined;
    // Towards the end each chunk goes to the worker that is free first.
    const more = this.#supply && !this.#ended;
    if (!more && this.#inputs.length < this.#concurrency * this.#size.full) return undefined;
    for (const flight of this.#flights) if (!flight.after && !flight.queued && !flight.alone) return flight;
    return undefined;
  }

  /** Takes back a chunk that waits for a busy worker, where another one has nothing to do. */
  #recall(): boolean {
    const { prefetching } = this.plan.executor;
    if (!prefetching?.recall) return false;
    for (const flight of [...this.#flights]) {
      if (!flight.after || !this.#flights.has(flight)) continue;
      prefetching.recall(flight.chunk);
      if (this.#over || this.#inputs.length > 0) return true;
    }
    return false;
  }

  /** How many inputs may be given out before too many results wait for an earlier one, or too many for their next try. */
  #room(): number {
    const most =
      this.plan.maxBuffered ??
      this.#concurrency * Math.max(BUFFERED_RESULTS, BUFFERED_CHUNKS * this.#size.full);
    const waiting = this.#order ? this.#front - this.#order.next : this.#retries.length;
    if (!this.#order && waiting === 0) return Infinity;
    // The first of them waits for nobody.
    const room = most + (this.#order ? 1 : 0) - waiting;
    // What came back is counted already, and one of it may be what all others wait for; fresh inputs may follow it.
    const back = this.#inputs.length > 0 ? this.#front - this.#inputs.first : 0;
    return back > 0 ? back + Math.max(0, room) : room;
  }

  #start({ first, values: inputs, alone, history }: Segment, leader: InFlightChunk | undefined): void {
    this.#front = Math.max(this.#front, first + inputs.length);
    if (!leader) this.#running += 1;
    const chunk: Chunk = { run: this.run, first, inputs };
    const flight = new InFlightChunk(chunk, alone, history ?? NO_HISTORY, leader, this.#tower);
    this.#flights.add(flight);
    const { executor } = this.plan;
    const reports =
      leader && executor.prefetching ? executor.prefetching.run(chunk, leader.chunk) : executor.run(chunk);
    reports.subscribe(flight);
  }

  #hearReport(flight: InFlightChunk, report: Report): void {
    const { count, elapsed, rows, failures } = report;
    // A block of nothing would stand where the next one begins.
    if (count === 0) return;
    const wrong = wrongIn(report, flight.unsettled);
    if (wrong) {
      this.#failure = { error: new RangeError(`the executor reported ${wrong}`) };
      return;
    }
    const from = flight.settled;
    const parts = failures.length === 0 ? undefined : this.#divide(flight, report);
    if (this.#over) return;
    this.#barren = 0;
    this.#size.measured(count, elapsed >= 0 && elapsed < Infinity ? elapsed : 0);
    flight.settled += count;
    if (parts) this.#settleParts(parts);
    else this.#add(blockOf(flight.chunk, from, count, rows, []));
    this.#progressed = this.meter !== undefined;
  }

  /** Divides a report where an input is to be tried again, and cuts it off where a failure ends the run. */
  #divide(flight: InFlightChunk, { count, rows, failures }: Report): Parts {
    const { chunk, settled: from, history } = flight;
    const { first, inputs } = chunk;
    const blocks: SettledBatch[] = [];
    const again: Segment[] = [];
    let start = 0;
    let row = 0;
    let errors: TaskError[] = [];
    const close = (end: number) => {
      const good = end - start - errors.length;
      if (end > start)
        blocks.push(blockOf(chunk, from + start, end - start, sliceBatch(rows, row, row + good), errors));
      row += good;
      errors = [];
      start = end + 1;
    };
    for (const failure of failures) {
      const offset = from + failure.offset;
      const failed = { index: first + offset, input: inputs[offset] };
      if (!failure.untransferable && history.attempts < this.plan.retry.count) {
        close(failure.offset);
        again.push(nextTry(failed, history));
        continue;
      }
      const error = errorOf(failure, failed, this.run);
      if (this.plan.failFast) {
        close(failure.offset);
        return { blocks, again, failure: error };
      }
      errors.push(error);
    }
    close(count);
    return { blocks, again, failure: undefined };
  }

  #settleParts({ blocks, again, failure }: Parts): void {
    for (const block of blocks) this.#add(block);
    if (failure) this.#failWith(failure);
    else this.#tryAgain(again);
  }

  #add(block: SettledBatch): void {
    const { count, failures } = block;
    this.#settled += count;
    if (this.meter) {
      this.meter.completed += count - failures.length;
      this.meter.failed += failures.length;
    }
    // For the `MapError`, unless failures are rows of this run.
    if (!this.plan.settled) for (const error of failures) this.#errors.push(error);
    if (this.#order) this.#order.add(block);
    else this.#due.push(block);
  }

  /** A failure that ends the run, when the rows before it have been delivered. */
  #failWith(error: TaskError): void {
    if (this.meter) this.meter.failed += 1;
    this.#failure = { error };
  }

  #tryAgain(segments: readonly Segment[]): void {
    if (this.plan.retry.delay === 0) this.#putBackAll(segments);
    else if (segments.length > 0) this.#retries.add(segments);
  }

  /** Puts inputs back so that they come in this order. */
  #putBackAll(segments: readonly Segment[]): void {
    for (let i = segments.length - 1; i >= 0; i--) this.#inputs.putBack(segments[i] as Segment);
  }

  /** The worker is free again; what it has not reported waits anew, alone where it is suspected. */
  #hearLanded(flight: InFlightChunk, suspected?: InputHistory): void {
    const { first, inputs } = flight.chunk;
    const { unsettled, settled } = flight;
    this.#leave(flight);
    if (settled === 0 && (this.#barren += 1) > BARREN) {
      const error = new Error(
        `the executor completed ${BARREN} chunks in a row without reporting any of their inputs`,
      );
      this.#failure = { error };
    }
    if (unsettled > 0) {
      const history = suspected ?? flight.history;
      this.#inputs.putBack({
        first: first + settled,
        values: sliceInputs(inputs, settled, inputs.length),
        alone: flight.alone || suspected !== undefined,
        ...(history !== NO_HISTORY && { history }),
      });
    } else if (settled > 0 && this.#delivered(first + inputs.length)) this.#inputs.recycle(inputs);
  }

  /** Whether all inputs before this one have been delivered, so that no block refers to them. */
  #delivered(end: number): boolean {
    return this.#order === undefined || this.#order.next >= end;
  }

  #leave(flight: InFlightChunk): void {
    this.#flights.delete(flight);
    if (flight.land()) this.#running -= 1;
  }

  #hearLost(flight: InFlightChunk, error: unknown): void {
    const { first, inputs } = flight.chunk;
    const { unsettled, history, settled } = flight;
    const expired = error instanceof ChunkTimeoutError;
    if (!expired && !(error instanceof WorkerLostError)) {
      this.#leave(flight);
      this.#failure = { error };
      return;
    }
    if (unsettled === 0 || (!expired && error.atStart)) return this.#hearLanded(flight);
    const crashes = history.crashes + (expired ? 0 : 1);
    if (unsettled > 1 || (!expired && crashes < CRASHES))
      return this.#hearLanded(flight, { ...history, crashes });

    const failed = { index: first + settled, input: inputs[settled] };
    if (history.attempts < this.plan.retry.count) {
      this.#leave(flight);
      return this.#tryAgain([nextTry(failed, history)]);
    }
    const final = expired
      ? new TaskTimeoutError(failed, this.run.taskTimeout as number)
      : new WorkerCrashError(failed, error.exit as WorkerExit);
    if (this.#over) return;
    this.#leave(flight);
    if (this.plan.failFast) return this.#failWith(final);
    flight.settled += 1;
    this.#add(blockOf(flight.chunk, settled, 1, noRows, [final]));
    this.#progressed = this.meter !== undefined;
  }

  /** Inputs that are with a worker, those left out that wait for one. */
  #withWorkers(): number {
    let inputs = 0;
    for (const { after, unsettled, chunk } of this.#flights)
      if (!after && !this.plan.executor.isWaiting?.(chunk)) inputs += unsettled;
    return inputs;
  }

  #completeIfDone(): void {
    if (this.#over || !this.#ended || this.#settling) return;
    if (this.#running > 0 || this.#retries.length > 0 || this.#inputs.length > 0) return;
    if (this.#endsWith) return this.fail(this.#endsWith.error);
    if (this.#errors.length > 0) {
      this.#errors.sort((a, b) => (a.index as number) - (b.index as number));
      return this.fail(new MapError(this.#errors, this.#inputs.next));
    }
    this.#complete();
  }

  /** What does not add up. There is nothing of the kind wherever code of the user runs. */
  #problems(): string[] {
    const flights = [...this.#flights];
    const busy = flights.filter(({ after }) => !after).length;
    const onTheirWay = flights.reduce((sum, { unsettled }) => sum + unsettled, 0);
    const known = this.#settled + onTheirWay + this.#inputs.length + this.#retries.length;
    return [
      ...(busy === this.#running ? [] : [`${this.#running} workers run, and ${busy} chunks`]),
      ...(known === this.#inputs.next ? [] : [`${known} of ${this.#inputs.next} inputs are somewhere`]),
      ...flights.flatMap(flight =>
        (flight.after && (flight.after.queued !== flight || !this.#flights.has(flight.after))) ||
        (flight.queued && (flight.queued.after !== flight || !this.#flights.has(flight.queued)))
          ? [`the chunk at ${flight.chunk.first} waits for one that does not know`]
          : [],
      ),
    ];
  }
}

/** A report in parts: what has settled for good, what is to be tried again, and the failure that ends the run. */
interface Parts {
  readonly blocks: readonly SettledBatch[];
  readonly again: readonly Segment[];
  readonly failure: TaskError | undefined;
}

/** What an executor's report has that its chunk has not; `undefined` where it can be believed. */
function wrongIn({ count, rows, failures }: Report, rest: number): string | undefined {
  if (!Number.isInteger(count) || count < 0 || count > rest)
    return `${count} inputs of a chunk that has ${rest} left`;
  let last = -1;
  for (const { offset } of failures) {
    if (!Number.isInteger(offset) || offset <= last || offset >= count)
      return `a failure at ${offset}, after one at ${last}, among ${count} inputs`;
    last = offset;
  }
  if (rows.length !== count - failures.length)
    return `${rows.length} rows and ${failures.length} failures of ${count} inputs`;
  return undefined;
}

const blockOf = (
  chunk: Chunk,
  offset: number,
  count: number,
  rows: ColumnBatch,
  failures: readonly TaskError[],
): SettledBatch => ({ first: chunk.first + offset, count, inputs: chunk.inputs, offset, rows, failures });

/** An input that has failed, as it is given out again: what it did to workers before is forgiven. */
const nextTry = (failed: { index: number; input: unknown }, { attempts }: InputHistory): Segment => ({
  first: failed.index,
  values: [failed.input],
  alone: true,
  history: { crashes: 0, attempts: attempts + 1 },
});

function errorOf({ cause, untransferable, expired }: Failure, failed: FailedInput, run: Run): TaskError {
  if (expired) return new TaskTimeoutError(failed, run.taskTimeout as number);
  if (!untransferable) return new TaskError(failed, cause);
  const { what, path, why } = untransferable;
  return new NotTransferableError(failed, what, path, why);
}
