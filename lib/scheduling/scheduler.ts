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
import { type Chunk, type Failure, LeaseExpired, type Report, type Run, WorkerLost } from '../executor.js';
import type { Plan } from '../options.js';
import type { ProgressMeter } from '../progress.js';
import type { Packed } from '../protocol.js';
import { noRows, slicePacked } from '../transport/packing.js';
import { ChunkSize } from './chunkSize.js';
import { Flight, type Tower } from './flight.js';
import { Inputs, part, type Segment } from './inputs.js';
import { Order } from './order.js';

/** Consecutive inputs that have settled for good: rows of the good ones, errors of the others. */
export interface Block {
  readonly first: number;
  readonly count: number;
  /** The inputs, the first of them at `offset`. */
  readonly inputs: ArrayLike<unknown>;
  readonly offset: number;
  readonly rows: Packed;
  /** By index. */
  readonly failures: readonly TaskError[];
}

/** Who wants a run's results. */
export interface Sink {
  block(block: Block): void;
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

/**
 * Runs a task over inputs on an executor: one for each subscription.
 *
 * It gives out chunks while workers are free, takes back what was not run, tries failures again, puts blocks in order
 * and knows when all is done. It has no clock but RxJS's own, and no promise: a spec drives it in virtual time.
 */
export class Scheduler {
  readonly #inputs = new Inputs();
  readonly #size: ChunkSize;
  readonly #flights = new Set<Flight>();
  readonly #timers = new Subscription();
  readonly #crashes = new Map<number, number>();
  readonly #attempts = new Map<number, number>();
  readonly #errors: TaskError[] = [];
  readonly #order: Order | undefined;
  /** Chunks that may be on their way now. */
  #concurrency: number;
  readonly #tower: Tower = {
    report: (flight, report) => this.#report(flight, report),
    lost: (flight, error) => this.#lost(flight, error),
    landed: flight => this.#landed(flight, false),
  };
  #supply: Supply | undefined;
  /** Workers that are busy for this run. */
  #running = 0;
  /** Chunks in a row that came back as they were. */
  #barren = 0;
  /** Failed inputs that wait for their next try. */
  #retrying = 0;
  /** Inputs before this one have settled or are with a worker: the front of what `maxBuffered` bounds. */
  #front = 0;
  #ended = false;
  #over = false;
  #dispatching = false;
  #delivering = false;
  /** Blocks that are to be delivered now. */
  readonly #due: Block[] = [];

  constructor(
    private readonly run: Run,
    private readonly plan: Plan,
    private readonly sink: Sink,
    private readonly meter: ProgressMeter | undefined,
  ) {
    const { executor, chunk, ordered, timeout } = plan;
    this.#concurrency = run.concurrency;
    this.#size = new ChunkSize(executor.lease, this.#concurrency, chunk === 'auto' ? undefined : chunk);
    if (ordered) this.#order = new Order(block => this.#due.push(block));
    if (plan.concurrency === undefined && executor.changes)
      this.#timers.add(
        executor.changes.subscribe(() => {
          this.#concurrency = executor.parallelism;
          this.#size.workers = this.#concurrency;
          this.#dispatch();
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
    this.#dispatch();
  }

  push(value: unknown): void {
    this.#inputs.push(value);
    if (this.#running < this.#concurrency) this.#dispatch();
    else if (this.#inputs.next % POLL_EVERY === 0) this.#poll();
  }

  /** The source has completed. */
  end(): void {
    this.#ended = true;
    if (this.meter) this.meter.total = this.#inputs.next;
    this.#dispatch();
  }

  /** Ends the run with an error, and lets go of the workers. */
  fail(error: unknown): void {
    if (!this.#close()) return;
    this.meter?.error(error);
    this.sink.error(error);
  }

  /** Lets go of the workers: nobody waits for the run any more. */
  stop(): void {
    if (this.#close()) this.meter?.stop();
  }

  #complete(): void {
    if (!this.#close()) return;
    this.meter?.complete();
    this.sink.complete();
  }

  /** Whether the run was still on. */
  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    this.#timers.unsubscribe();
    for (const flight of this.#flights) flight.unsubscribe();
    this.#flights.clear();
    this.plan.executor.release?.(this.run);
    return true;
  }

  /** A source that pushes for long keeps the event loop from its work: workers would have nothing to do meanwhile. */
  #poll(): void {
    if (this.#dispatching) return;
    this.plan.executor.poll?.();
    this.#dispatch();
  }

  #dispatch(): void {
    // An executor may answer at once, and a subscriber may push: neither may nest.
    if (this.#dispatching) return;
    this.#dispatching = true;
    while (!this.#over) {
      const idle = this.#running < this.#concurrency;
      const leader = idle ? undefined : this.#leader();
      if (!idle && !leader) break;
      const size = this.#nextSize();
      if (size > 0) this.#start(this.#inputs.take(size), leader);
      else if (!idle || !this.#recall()) break;
    }
    this.#dispatching = false;
    this.#completeIfDone();
  }

  /** A flight whose worker may be given one chunk more, so that it need not wait for the next one. */
  #leader(): Flight | undefined {
    const { lease, recall } = this.plan.executor;
    const { cost } = this.#size;
    // What cannot be recalled must not wait behind long tasks while another worker has nothing to do.
    if (!lease.ahead || cost === undefined || (!recall && cost > lease.slice)) return undefined;
    // Towards the end each chunk goes to the worker that is free first.
    const more = this.#supply && !this.#ended;
    if (!more && this.#inputs.length < this.#concurrency * this.#size.full) return undefined;
    for (const flight of this.#flights) if (!flight.leader && !flight.follower) return flight;
    return undefined;
  }

  /** Takes back a chunk that waits for a busy worker, where another one has nothing to do. */
  #recall(): boolean {
    const { executor } = this.plan;
    if (!executor.recall || this.#inputs.length > 0) return false;
    for (const flight of this.#flights) {
      if (!flight.leader) continue;
      executor.recall(flight.chunk);
      if (this.#inputs.length > 0) return true;
    }
    return false;
  }

  /** Inputs for the next chunk, 0 where there are none or where too many results wait for an earlier one. */
  #nextSize(): number {
    const room = this.#room();
    if (this.#supply && !this.#ended && room > 0) {
      const missing = Math.min(room, this.#size.full) - this.#inputs.length;
      if (missing > 0) this.#supply.request(missing);
      if (this.#over) return 0;
    }
    if (this.#inputs.length === 0) return 0;
    // What a supply still holds is not known: what is here is one chunk's, not everyone's share.
    const size = this.#supply && !this.#ended ? this.#size.full : this.#size.next(this.#inputs.length);
    return Math.max(0, Math.min(size, room));
  }

  #room(): number {
    if (!this.#order) return Infinity;
    const most =
      this.plan.maxBuffered ??
      this.#concurrency * Math.max(BUFFERED_RESULTS, BUFFERED_CHUNKS * this.#size.full);
    // The first of them waits for nobody.
    const room = most + 1 - (this.#front - this.#order.next);
    // What came back is counted already, and one of it may be what all others wait for; fresh inputs may follow it.
    const back = this.#inputs.length > 0 ? this.#front - this.#inputs.first : 0;
    return back > 0 ? back + Math.max(0, room) : room;
  }

  #start({ first, values: inputs, alone }: Segment, leader: Flight | undefined): void {
    this.#front = Math.max(this.#front, first + inputs.length);
    if (!leader) {
      this.#running += 1;
      if (this.meter) this.meter.running += inputs.length;
    }
    const chunk: Chunk = { run: this.run, first, inputs };
    const flight = new Flight(chunk, alone, leader, this.#tower);
    this.#flights.add(flight);
    try {
      this.plan.executor.run(chunk, leader?.chunk).subscribe(flight);
    } catch (error) {
      this.fail(error);
    }
  }

  #report(flight: Flight, report: Report): void {
    if (this.#over) return;
    const { count } = report;
    // A block of nothing would stand where the next one begins.
    if (count === 0) return;
    if (!(count <= flight.rest)) {
      this.fail(
        new RangeError(`the executor reported ${count} inputs of a chunk that has ${flight.rest} left`),
      );
      return;
    }
    this.#barren = 0;
    this.#size.measured(count, report.elapsed);
    if (this.meter) this.meter.running -= count;
    const from = flight.settled;
    flight.settled += count;
    if (report.failures.length === 0) this.#settle(flight.chunk, from, count, report.rows, []);
    else this.#settleWithFailures(flight.chunk, from, report);
    this.meter?.settled();
    // A worker may be idle for want of what this has made room for, or has put back.
    if (this.#running < this.#concurrency) this.#dispatch();
  }

  /** Divides a report where an input is to be tried again, and ends the run where a failure does. */
  #settleWithFailures(chunk: Chunk, from: number, { count, rows, failures }: Report): void {
    const { first, inputs } = chunk;
    let start = 0;
    let row = 0;
    let errors: TaskError[] = [];
    const close = (end: number) => {
      const good = end - start - errors.length;
      if (end > start)
        this.#settle(chunk, from + start, end - start, slicePacked(rows, row, row + good), errors);
      row += good;
      errors = [];
    };
    for (const failure of failures) {
      const offset = from + failure.offset;
      const failed = { index: first + offset, input: inputs[offset] };
      const again = !failure.untransferable && this.#retry(failed);
      if (!again && !this.plan.failFast) {
        const error = errorOf(failure, failed);
        errors.push(error);
        this.#keep(error);
        continue;
      }
      close(failure.offset);
      if (this.#over) return;
      if (!again) {
        if (this.meter) this.meter.failed += 1;
        return this.fail(errorOf(failure, failed));
      }
      start = failure.offset + 1;
    }
    close(count);
  }

  #settle(chunk: Chunk, offset: number, count: number, rows: Packed, failures: readonly TaskError[]): void {
    if (this.meter) {
      this.meter.completed += count - failures.length;
      this.meter.failed += failures.length;
    }
    const block: Block = {
      first: chunk.first + offset,
      count,
      inputs: chunk.inputs,
      offset,
      rows,
      failures,
    };
    if (this.#order) this.#order.add(block);
    else this.#due.push(block);
    this.#deliver();
  }

  #deliver(): void {
    // What the subscriber does may bring the next block: that one follows when this one is through.
    if (this.#delivering) return;
    this.#delivering = true;
    for (let block = this.#due.shift(); block && !this.#over; block = this.#due.shift())
      this.sink.block(block);
    this.#delivering = false;
    this.#completeIfDone();
  }

  /** Whether a failed input gets another try. */
  #retry({ index, input }: { index: number; input: unknown }): boolean {
    const { count, delay } = this.plan.retry;
    if (count === 0) return false;
    const attempts = this.#attempts.get(index) ?? 0;
    if (attempts === count) return false;
    this.#attempts.set(index, attempts + 1);
    this.#retrying += 1;
    const again = () => {
      this.#retrying -= 1;
      this.#inputs.putBack({ first: index, values: [input], alone: true });
    };
    if (delay === 0) again();
    else {
      const timer = asyncScheduler.schedule(() => {
        // It would hold the input until the run ends.
        this.#timers.remove(timer);
        again();
        this.#dispatch();
      }, delay);
      this.#timers.add(timer);
    }
    return true;
  }

  /** The executor is free again; what it has not reported waits anew. */
  #landed(flight: Flight, suspect: boolean): void {
    if (this.#over) return;
    const { first, inputs } = flight.chunk;
    this.#leave(flight);
    const { rest } = flight;
    if (flight.settled === 0 && (this.#barren += 1) > BARREN) {
      this.fail(
        new Error(`the executor completed ${BARREN} chunks in a row without reporting any of their inputs`),
      );
      return;
    }
    if (rest > 0) {
      this.#inputs.putBack({
        first: first + flight.settled,
        values: part(inputs, flight.settled, inputs.length),
        alone: flight.alone || suspect,
      });
    } else if (flight.settled > 0 && this.#delivered(first + inputs.length)) this.#inputs.recycle(inputs);
    this.#dispatch();
  }

  /** Whether all inputs before this one have been delivered, so that no block refers to them. */
  #delivered(end: number): boolean {
    return !this.#delivering && (this.#order === undefined || this.#order.next >= end);
  }

  #leave(flight: Flight): void {
    this.#flights.delete(flight);
    if (this.meter) {
      if (!flight.leader) this.meter.running -= flight.rest;
      this.meter.running += flight.follower?.rest ?? 0;
    }
    if (flight.land()) this.#running -= 1;
  }

  #lost(flight: Flight, error: unknown): void {
    if (this.#over) return;
    const { first, inputs } = flight.chunk;
    const { rest } = flight;
    const expired = error instanceof LeaseExpired;
    if (!expired && !(error instanceof WorkerLost)) return this.fail(error);
    if (!expired && error.atStart) return this.#landed(flight, false);
    if (rest > 1 || rest === 0) return this.#landed(flight, true);

    const failed = { index: first + flight.settled, input: inputs[flight.settled] };
    if (!expired) {
      const crashes = (this.#crashes.get(failed.index) ?? 0) + 1;
      this.#crashes.set(failed.index, crashes);
      if (crashes < CRASHES) return this.#landed(flight, true);
    }
    this.#leave(flight);
    if (!this.#retry(failed)) {
      const final = expired
        ? new TaskTimeoutError(failed, this.run.taskTimeout as number)
        : new WorkerCrashError(failed, (error as WorkerLost).exit as WorkerExit);
      if (this.plan.failFast) {
        if (this.meter) this.meter.failed += 1;
        return this.fail(final);
      }
      this.#keep(final);
      this.#settle(flight.chunk, flight.settled, 1, noRows, [final]);
    }
    this.#dispatch();
  }

  /** For the `MapError`, unless failures are rows of this run. */
  #keep(error: TaskError): void {
    if (!this.plan.settled) this.#errors.push(error);
  }

  #completeIfDone(): void {
    if (this.#over || !this.#ended || this.#delivering) return;
    if (this.#running > 0 || this.#retrying > 0 || this.#inputs.length > 0) return;
    if (this.#errors.length > 0) {
      this.#errors.sort((a, b) => (a.index as number) - (b.index as number));
      return this.fail(new MapError(this.#errors, this.#inputs.next));
    }
    this.#complete();
  }
}

function errorOf({ cause, untransferable }: Failure, failed: FailedInput): TaskError {
  if (!untransferable) return new TaskError(failed, cause);
  const { what, path, why } = untransferable;
  return new NotTransferableError(failed, what, path, why);
}
