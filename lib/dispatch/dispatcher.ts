import { AsyncResource } from 'node:async_hooks';
import { type Observable, type Observer, Subscription } from 'rxjs';
import { MapError, type TaskError, TaskTimeoutError } from '../errors.js';
import type { Executor, Report, Run } from '../executor.js';
import type { Plan } from '../options/mapOptions.js';
import { type Meter, noMeter } from '../progress/meter.js';
import { ProgressMeter, type ProgressObserver } from '../progress/progressMeter.js';
import { Fifo } from '../queues/fifo.js';
import { callObserver } from '../runtime/callObserver.js';
import { scheduleAfter } from '../runtime/scheduleAfter.js';
import { type CheckedExecutor, checkedExecutor } from './checkedExecutor.js';
import { chunkOf } from './chunkOf.js';
import { ChunkSize } from './chunkSize.js';
import { DelayedRetries } from './delayedRetries.js';
import { type CalledInput, DirectCaller } from './directCaller.js';
import { EmittedValues } from './emittedValues.js';
import { FailurePolicy, type Verdict } from './failurePolicy.js';
import { faultIn } from './faultIn.js';
import { type ChunkListener, InFlightChunk } from './inFlightChunk.js';
import { InFlightChunks } from './inFlightChunks.js';
import { InputQueue } from './inputQueue.js';
import type { PullSource } from './pullSource.js';
import { ReorderBuffer } from './reorderBuffer.js';
import { NO_HISTORY, type Segment, sliceSegment } from './segment.js';
import { type SettledBatch, settledBatch } from './settledBatch.js';
import { Window } from './window.js';

/** Inputs that a source may push before workers are heard: some 0.1 ms (`bench/constants.ts`). */
const POLL_EVERY = 8_192;

/** A worker may hand back a chunk as it is; an executor that does nothing else would keep the run busy for ever. */
const MAX_EMPTY_CHUNKS = 1000;

/** A word of an executor on a chunk, until it is heard. */
type News =
  | { readonly kind: 'report'; readonly chunk: InFlightChunk; readonly report: Report }
  | { readonly kind: 'failed'; readonly chunk: InFlightChunk; readonly error: unknown }
  | { readonly kind: 'completed'; readonly chunk: InFlightChunk };

/** Returns the set where specs ask for a function that looks over each run's state: see the README beside this file. */
const auditors = (): Set<() => string[]> | undefined =>
  (globalThis as Record<symbol, unknown>)[Symbol.for('rx-parfor.audit')] as Set<() => string[]> | undefined;

/** The parts of a run that its dispatcher needs. */
export interface DispatcherOptions {
  readonly run: Run;
  readonly plan: Plan;
  readonly executor: Executor;
  /** Gets the run's results. */
  readonly observer: Observer<SettledBatch>;
  /** True if only the run's tasks can change an input that was emitted. Default: the source can too. */
  readonly freshInputs?: boolean;
}

/** The observer of a run's progress, and what it knows beforehand. */
export interface ProgressOptions {
  readonly progress: ProgressObserver | undefined;
  /** Inputs in all, where the source says so. */
  readonly total: number | undefined;
}

/**
 * Runs a task over inputs on an executor: one for each subscription.
 *
 * It gives out chunks while workers are free, takes back what was not run, tries failures again, puts batches in order
 * and knows when all is done. It has no clock but RxJS's own, and no promise: a spec drives it in virtual time.
 *
 * It is one class because its two loops share all of its state: what only decides, counts or keeps stands beside it.
 *
 * Code of the user may run within any call out of here, and may call anything of this class. So all that happens is only
 * noted where it happens, and is done in two loops, `#settle` and `#dispatch`, of which neither runs within itself:
 * each turn of them makes one choice, changes the state, and calls out last.
 */
export class Dispatcher {
  readonly #run: Run;
  readonly #plan: Plan;
  readonly #executor: CheckedExecutor;
  /** Calls the task in this thread, where the executor can. */
  readonly #direct: DirectCaller | undefined;
  readonly #observer: Observer<SettledBatch>;
  readonly #inputs = new InputQueue();
  /** True if inputs that wait, or are tried again, are kept as they were emitted. */
  readonly #keeping: boolean;
  readonly #size: ChunkSize;
  readonly #window: Window;
  readonly #policy: FailurePolicy;
  readonly #chunks = new InFlightChunks();
  readonly #timers = new Subscription();
  readonly #errors: TaskError[] = [];
  readonly #reorderBuffer: ReorderBuffer | undefined;
  /** Failed inputs that wait for their next try. */
  readonly #retries: DelayedRetries;
  readonly #listener: ChunkListener = {
    report: (chunk, report) => this.#note({ kind: 'report', chunk, report }),
    failed: (chunk, error) => this.#note({ kind: 'failed', chunk, error }),
    completed: chunk => this.#note({ kind: 'completed', chunk }),
  };
  #meter: Meter = noMeter;
  /** Chunks that may be under way now. */
  #concurrency: number;
  /** The source, where it is read on demand. */
  #source: Pick<PullSource, 'request' | 'stop'> | undefined;
  /** Inputs that the source was asked for and has not given. */
  #requested = 0;
  /** Inputs that were with a worker when the run ended. */
  #runningAtEnd: number | undefined;
  /** Chunks in a row that came back as they were. */
  #emptyChunks = 0;
  /** Inputs that have settled for good. */
  #settled = 0;
  /** True once the source has completed. */
  #sourceEnded = false;
  /** The error that the run ends with once its inputs have settled. */
  #sourceError: { readonly error: unknown } | undefined;
  #over = false;
  /** True while the source is being subscribed to. */
  #subscribing = false;
  #settling = false;
  #dispatching = false;
  /** True if anything but reports has come since the last look at what to give out. */
  #changed = false;
  /** Words on chunks that nobody has heard yet. */
  readonly #news = new Fifo<News>();
  /** Batches that are to be delivered now. */
  readonly #due = new Fifo<SettledBatch>();
  /** True if the progress is to be told now. */
  #progressed = false;
  /** The error that the run is to end with when all that is due has been delivered. */
  #failure: { readonly error: unknown } | undefined;
  /** The async context of the subscription: all code of the user runs in it. */
  readonly #context = new AsyncResource('rx-parfor.run');
  readonly #audit = () => this.#problems();

  /** @throws RangeError where the executor's numbers would keep a run waiting for ever */
  constructor({ run, plan, executor, observer, freshInputs = false }: DispatcherOptions) {
    // A task that fails may have changed its input.
    this.#keeping = !freshInputs || plan.retry.count > 0;
    this.#run = run;
    this.#plan = plan;
    this.#observer = observer;
    this.#executor = checkedExecutor(executor);
    const direct = this.#executor.direct(run);
    if (direct)
      this.#direct = new DirectCaller(direct, {
        settled: batch => this.#hearRow(batch),
        goesOn: (called, reports) => this.#goOn(called, reports),
        failed: error => {
          this.#failure ??= { error };
          this.#context.runInAsyncScope(this.#settle, this);
        },
      });
    this.#concurrency = run.concurrency;
    this.#policy = new FailurePolicy(run, plan);
    this.#size = new ChunkSize(
      this.#executor.policy,
      this.#concurrency,
      plan.chunk === 'auto' ? undefined : plan.chunk,
    );
    this.#retries = new DelayedRetries(plan.retry.delay, segments => {
      this.#putBackAll(segments);
      this.#turn();
    });
    if (plan.ordered) this.#reorderBuffer = new ReorderBuffer(batch => this.#due.push(batch));
    this.#window = new Window({
      inputs: this.#inputs,
      size: this.#size,
      retries: this.#retries,
      reorderBuffer: this.#reorderBuffer,
      maxBuffered: plan.maxBuffered,
    });
  }

  /** Begins: tells the progress, follows the executor's changes and starts the run's time limit. */
  start({ progress, total }: ProgressOptions): void {
    auditors()?.add(this.#audit);
    if (progress) this.#meter = new ProgressMeter(progress, { total, running: () => this.#withWorkers() });
    const { concurrency, timeout } = this.#plan;
    const { changes } = this.#executor;
    if (concurrency === undefined && changes)
      this.#timers.add(changes.subscribe({ next: () => this.#follow(), error: error => this.fail(error) }));
    if (timeout === undefined) return;
    const late = () => this.fail(new TaskTimeoutError({ index: undefined, input: undefined }, timeout));
    this.#timers.add(scheduleAfter(timeout, late));
  }

  /**
   * Subscribes to a source that pushes. What it pushes meanwhile comes in the subscription's own async context, and its task
   * can be called without entering that: a row of `serialMap` would cost a fifth more.
   */
  pushFrom(subscribe: () => void): void {
    this.#subscribing = true;
    subscribe();
    this.#subscribing = false;
  }

  /** Reads the inputs on demand from here on. */
  pullFrom(source: Pick<PullSource, 'request' | 'stop'>): void {
    this.#source = source;
    this.#changed = true;
    this.#proceed();
  }

  push(value: unknown): void {
    if (this.#requested > 0) this.#requested -= 1;
    // Those that wait although a worker is idle wait for room, which one more input does not make.
    const isFirst = this.#inputs.length === 0;
    if (isFirst && !this.#dispatching && !this.#settling && this.#canCall) {
      if (this.#subscribing) this.#pass(value);
      else this.#enterPass(value);
      return;
    }
    this.#inputs.push(value, this.#keeping && !(isFirst && this.#isCalledNext));
    // Code of the user may have run as it was kept.
    if (this.#inputs.length === 1 && this.#chunks.busyWorkers < this.#concurrency) {
      this.#changed = true;
      this.#enterDispatch();
    } else if (this.#inputs.next % POLL_EVERY === 0) this.#poll();
  }

  /** Takes note that the source has completed. */
  end(): void {
    this.#sourceEnded = true;
    this.#meter.setTotal(this.#inputs.next);
    this.#turn();
  }

  /** Takes note that the source can give no more inputs: those it has given settle, and the run ends with this error. */
  endWith(error: unknown): void {
    this.#sourceError = { error };
    this.end();
  }

  /** Ends the run with an error, and lets go of the workers. */
  fail(error: unknown): void {
    if (!this.#over) this.#context.runInAsyncScope(this.#fail, this, error);
  }

  #fail(error: unknown): void {
    if (!this.#close()) return;
    this.#plan.calledAt.show(error);
    this.#meter.error(error);
    callObserver(() => this.#observer.error(error));
  }

  /** Lets go of the workers and of the source: nobody waits for the run any more, or it is over. */
  stop(): void {
    this.#context.runInAsyncScope(this.#stop, this);
  }

  #stop(): void {
    if (this.#close()) this.#meter.stop();
    this.#source?.stop();
  }

  #complete(): void {
    if (!this.#close()) return;
    this.#meter.complete();
    callObserver(() => this.#observer.complete());
  }

  /** Lets go of the workers; returns true if the run was still on. */
  #close(): boolean {
    if (this.#over) return false;
    this.#over = true;
    auditors()?.delete(this.#audit);
    // The last progress of a run that ends early says what was under way.
    if (this.#meter !== noMeter) this.#runningAtEnd = this.#withWorkers();
    callObserver(() => this.#timers.unsubscribe());
    this.#retries.stop();
    this.#chunks.cancel();
    callObserver(() => this.#executor.forget(this.#run));
    return true;
  }

  /** Follows the executor's parallelism. */
  #follow(): void {
    try {
      this.#concurrency = this.#executor.parallelism();
    } catch (error) {
      return this.fail(error);
    }
    this.#size.workers = this.#concurrency;
    this.#turn();
  }

  /** Hears the workers: a source that pushes for long keeps the event loop from it, and they would have nothing to do. */
  #poll(): void {
    if (this.#dispatching || this.#settling) return;
    this.#executor.poll();
    this.#turn();
  }

  #note(news: News): void {
    if (this.#over) return;
    this.#news.push(news);
    if (news.kind !== 'report') this.#changed = true;
    this.#enter();
  }

  /** Does what there is to do, or leaves it to the loop that is at it already. */
  #turn(): void {
    this.#changed = true;
    this.#enter();
  }

  // Apart from what enters, which would be slower with the call in it.

  #enter(): void {
    if (!this.#settling) this.#context.runInAsyncScope(this.#proceed, this);
  }

  #enterDispatch(): void {
    if (!this.#dispatching && !this.#settling) this.#context.runInAsyncScope(this.#dispatch, this);
  }

  #enterPass(input: unknown): void {
    this.#context.runInAsyncScope(this.#pass, this, input);
  }

  /** Runs both loops. The subscription's async context has been entered. */
  #proceed(): void {
    this.#settle();
    // A report frees no worker: one that works goes on until its chunk ends, and is then given the next.
    if (this.#changed || this.#chunks.busyWorkers < this.#concurrency) this.#dispatch();
  }

  /** Hears what chunks have said, and delivers what has settled: one after the other, and none within another. */
  #settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    while (!this.#over) {
      const batch = this.#due.shift();
      if (batch) callObserver(() => this.#observer.next(batch));
      else if (this.#failure) this.#fail(this.#failure.error);
      else if (this.#progressed) {
        this.#progressed = false;
        this.#meter.tell();
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
      if (news.kind === 'report') this.#hearReport(news.chunk, news.report);
      else if (news.kind === 'completed') this.#hearCompleted(news.chunk);
      else this.#hearFailed(news.chunk, news.error);
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
      this.#fail(error);
    }
    this.#dispatching = false;
    this.#changed = false;
    this.#completeIfDone();
  }

  /** Makes one choice and acts on it; returns false if there was nothing to do. */
  #step(): boolean {
    if (this.#canCall && this.#inputs.isFresh) return this.#callFresh();
    // Nothing waits for an earlier input: there is room for one.
    if (this.#canCall && this.#inputs.length === 0) return this.#pulls && this.#request(1);
    const idle = this.#chunks.busyWorkers < this.#concurrency;
    const after = idle ? undefined : this.#chunkToQueueBehind();
    if (!idle && !after) return false;
    const room = this.#window.room(this.#concurrency);
    if (this.#pulls && this.#requestMissing(room)) return true;
    if (this.#inputs.length === 0) return idle && this.#recall();
    return this.#giveNext(room, after);
  }

  /** Gives out the next chunk; returns false if there is no room, or if it may not wait behind another one. */
  #giveNext(room: number, after: InFlightChunk | undefined): boolean {
    // What a source still holds is not known: what is here is one chunk's, not everyone's share.
    const waiting = this.#pulls ? Infinity : this.#inputs.length;
    const size = this.#size.next(waiting, this.#inputs.cameBack);
    if (Math.min(size, room) <= 0) return false;
    // What goes alone waits for nobody, as what it waits for may end its worker.
    if (after && this.#inputs.alone) return false;
    this.#give(this.#inputs.take(Math.min(size, room)), after);
    return true;
  }

  /** Asks the source for what a full chunk lacks; returns false if that is nothing, or was asked for already. */
  #requestMissing(room: number): boolean {
    const missing = Math.min(room, this.#size.full) - this.#inputs.length;
    return missing > 0 && this.#request(missing);
  }

  /** Asks the source for so many inputs; returns false if it was asked for as many already. */
  #request(count: number): boolean {
    if (count === this.#requested) return false;
    this.#requested = count;
    this.#source?.request(count);
    return true;
  }

  /** True if more inputs can be asked for. */
  get #pulls(): boolean {
    return this.#source !== undefined && !this.#sourceEnded;
  }

  /** Returns a chunk whose worker may be given one chunk more, so that it need not wait for the next one. */
  #chunkToQueueBehind(): InFlightChunk | undefined {
    const { prefetching, policy } = this.#executor;
    const { cost } = this.#size;
    if (!prefetching || cost === undefined) return undefined;
    // What cannot be recalled must not wait behind long tasks while another worker has nothing to do.
    if (!prefetching.recall && cost > policy.timeSlice) return undefined;
    // Towards the end each chunk goes to the worker that is free first.
    if (!this.#pulls && this.#inputs.length < this.#concurrency * this.#size.full) return undefined;
    return this.#chunks.withRoomBehind();
  }

  /** Takes back a chunk that waits for a busy worker, where another one has nothing to do. */
  #recall(): boolean {
    const { prefetching } = this.#executor;
    if (!prefetching?.recall) return false;
    this.#chunks.forEachQueued(chunk => {
      prefetching.recall?.(chunk);
      return !this.#over && this.#inputs.length === 0;
    });
    return this.#over || this.#inputs.length > 0;
  }

  /** True if the task can be called directly: nothing is under way, and inputs go out one by one. */
  get #canCall(): boolean {
    if (!this.#direct || this.#over || this.#concurrency === 0) return false;
    return this.#chunks.busyWorkers === 0 && this.#retries.length === 0 && this.#size.full === 1;
  }

  /** True if the task is called with what a sweep gives before anybody can change it. */
  get #isCalledNext(): boolean {
    return this.#source !== undefined && this.#canCall;
  }

  /** Calls the task with an input that has just come, and does what has come up meanwhile. */
  #pass(input: unknown): void {
    this.#dispatching = true;
    this.#changed = this.#source !== undefined;
    try {
      this.#call(this.#inputs.pass(), input);
    } catch (error) {
      this.#fail(error);
    }
    this.#dispatching = false;
    if (this.#changed) this.#proceed();
  }

  /** Calls the task with the next input. */
  #callFresh(): boolean {
    const index = this.#inputs.next - this.#inputs.length;
    if (this.#inputs.isKept) {
      const segment = this.#inputs.take(1);
      this.#call(index, chunkOf(this.#run, segment).inputs[0], segment.emitted);
    } else this.#call(index, this.#inputs.takeFresh());
    return true;
  }

  /** Calls the task with an input, where that need not wait; otherwise gives it out as a chunk. */
  #call(index: number, input: unknown, emitted?: EmittedValues): void {
    this.#window.moveTo(index + 1);
    const kept = emitted ?? (this.#plan.retry.count > 0 ? EmittedValues.of(input) : undefined);
    // A getter may have ended the run as it was kept.
    if (this.#over || this.#direct?.call(index, input, kept)) return;
    this.#give(this.#segmentOf(index, input, kept), undefined);
  }

  /** Returns a segment of one input, which is kept from here on. */
  #segmentOf(first: number, input: unknown, emitted: EmittedValues | undefined): Segment {
    const kept = emitted ?? (this.#keeping ? EmittedValues.of(input) : undefined);
    return { first, values: [input], alone: false, history: NO_HISTORY, ...(kept && { emitted: kept }) };
  }

  /** A direct call has returned a row. */
  #hearRow(batch: SettledBatch): void {
    if (this.#over) return;
    this.#emptyChunks = 0;
    this.#progressed = this.#meter !== noMeter;
    this.#add(batch);
    this.#settle();
  }

  /** The input of a direct call has become a chunk. */
  #goOn({ index, input, emitted }: CalledInput, reports: Observable<Report>): void {
    const segment = this.#segmentOf(index, input, emitted);
    const inFlight = new InFlightChunk(chunkOf(this.#run, segment), segment, undefined, this.#listener);
    if (this.#over) inFlight.cancel();
    else this.#chunks.add(inFlight);
    inFlight.start(reports);
  }

  #give(segment: Segment, after: InFlightChunk | undefined): void {
    this.#window.moveTo(segment.first + segment.values.length);
    const chunk = chunkOf(this.#run, segment);
    const inFlight = new InFlightChunk(chunk, segment, after, this.#listener);
    this.#chunks.add(inFlight);
    const { prefetching } = this.#executor;
    inFlight.start(after && prefetching ? prefetching.run(chunk, after.chunk) : this.#executor.run(chunk));
  }

  #hearReport(chunk: InFlightChunk, report: Report): void {
    const { count, elapsed, rows, failures } = report;
    // A batch of nothing would stand where the next one begins.
    if (count === 0) return;
    const wrong = faultIn(report, chunk.unsettled);
    if (wrong) {
      this.#failure = { error: new RangeError(`the executor reported ${wrong}`) };
      return;
    }
    const verdict: Verdict =
      failures.length === 0
        ? {
            batches: [settledBatch(chunk.chunk, chunk.settled, count, rows, [])],
            retries: [],
            fatal: undefined,
          }
        : this.#policy.judge(chunk, report);
    if (this.#over) return;
    this.#emptyChunks = 0;
    this.#size.measured(count, elapsed >= 0 && elapsed < Infinity ? elapsed : 0);
    chunk.settled += count;
    this.#carryOut(verdict);
    this.#progressed = true;
  }

  /** Settles what has settled, and has the rest tried again; or ends the run, when the rows before have been delivered. */
  #carryOut({ batches, retries, fatal }: Verdict): void {
    for (const batch of batches) this.#add(batch);
    if (fatal) {
      this.#meter.count(0, 1);
      this.#failure = { error: fatal };
    } else if (this.#plan.retry.delay === 0) this.#putBackAll(retries);
    else if (retries.length > 0) this.#retries.add(retries);
  }

  #add(batch: SettledBatch): void {
    const { count, failures } = batch;
    this.#settled += count;
    this.#meter.count(count - failures.length, failures.length);
    if (this.#plan.failures === 'collect') for (const error of failures) this.#errors.push(error);
    if (this.#reorderBuffer) this.#reorderBuffer.add(batch);
    else this.#due.push(batch);
  }

  /** Puts inputs back so that they come in this order. */
  #putBackAll(segments: readonly Segment[]): void {
    for (let i = segments.length - 1; i >= 0; i--) this.#inputs.putBack(segments[i] as Segment);
  }

  /** The worker is free again, and what it has not reported waits anew. */
  #hearCompleted(chunk: InFlightChunk): void {
    if (chunk.settled === 0 && (this.#emptyChunks += 1) > MAX_EMPTY_CHUNKS) {
      const error = new Error(
        `the executor completed ${MAX_EMPTY_CHUNKS} chunks in a row without reporting any of their inputs`,
      );
      this.#failure = { error };
    }
    this.#takeBack(chunk);
  }

  #hearFailed(chunk: InFlightChunk, error: unknown): void {
    const verdict = this.#policy.judgeLoss(chunk, error);
    if (this.#over) return;
    switch (verdict.kind) {
      case 'end':
        this.#chunks.leave(chunk);
        this.#failure = { error };
        return;
      case 'give again':
        return this.#takeBack(chunk);
      case 'suspect':
        return this.#takeBack(chunk, { alone: true, history: verdict.history });
      case 'failed':
        this.#chunks.leave(chunk);
        this.#carryOut(verdict);
        this.#progressed = true;
    }
  }

  /** Ends a chunk; what has not settled waits anew. */
  #takeBack(chunk: InFlightChunk, changes?: Pick<Segment, 'alone' | 'history'>): void {
    const { unsettled, settled, segment } = chunk;
    const { first, values } = segment;
    this.#chunks.leave(chunk);
    if (unsettled > 0) this.#inputs.putBack({ ...sliceSegment(segment, settled, values.length), ...changes });
    else if (settled > 0 && this.#isDelivered(first + values.length)) this.#inputs.recycle(values);
  }

  /** Returns true if all inputs before this one have been delivered, so that no batch refers to them. */
  #isDelivered(end: number): boolean {
    return this.#reorderBuffer === undefined || this.#reorderBuffer.next >= end;
  }

  /** Returns the inputs that are with a worker, those left out that wait for one. */
  #withWorkers(): number {
    if (this.#runningAtEnd !== undefined) return this.#runningAtEnd;
    const called = this.#direct?.underWay ?? 0;
    return called + this.#chunks.inputsWithWorkers(chunk => this.#executor.isWaiting(chunk));
  }

  #completeIfDone(): void {
    if (this.#over || !this.#sourceEnded || this.#settling) return;
    if (this.#chunks.busyWorkers > 0 || this.#retries.length > 0 || this.#inputs.length > 0) return;
    if (this.#sourceError) return this.#fail(this.#sourceError.error);
    if (this.#errors.length > 0) {
      this.#errors.sort((a, b) => (a.index as number) - (b.index as number));
      return this.#fail(new MapError(this.#errors, this.#inputs.next));
    }
    this.#complete();
  }

  /** Returns what does not add up. There is nothing of the kind wherever code of the user runs. */
  #problems(): string[] {
    const underWay = this.#chunks.unsettled + (this.#direct?.underWay ?? 0);
    const known = this.#settled + underWay + this.#inputs.length + this.#retries.length;
    const problems = this.#chunks.problems();
    if (known !== this.#inputs.next) problems.push(`${known} of ${this.#inputs.next} inputs are somewhere`);
    return problems;
  }
}
