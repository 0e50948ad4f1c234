import { AsyncResource } from 'node:async_hooks';
import type { Subscriber } from 'rxjs';
import type { WorkerExit } from '../../errors.js';
import { type Chunk, ChunkTimeoutError, type Report, type Run, WorkerLostError } from '../../executor.js';
import { chunkState } from '../../protocol/chunkState.js';
import type { NotRunnable, ReportMessage, RunDefinition } from '../../protocol/messages.js';
import { callObserver } from '../../runtime/callObserver.js';
import type { EncodedInputs } from '../../serialization/encodeInputs.js';
import { refusedInput } from '../refusedInput.js';
import type { ChunkCodec } from './chunkCodec.js';
import { OverdueTimer } from './overdueTimer.js';
import type { Pulse } from './pulse.js';
import type { ChunkObserver, WorkerHandle } from './workerHandle.js';

/** A report that is on its way takes as long as its bytes; one that has not come after so many ms will not, in ms. */
const REPORT_LIMIT_MS = 30_000;

/** The services that a chunk's execution needs of its pool. */
export interface ExecutionHost {
  readonly codec: ChunkCodec;
  /** Tells threads that time has passed. */
  readonly pulse: Pulse | undefined;
  /** Milliseconds of work after which a worker starts no further input. */
  readonly timeSlice: number;
  /** Milliseconds that a worker has to come free when nobody waits for its chunk any more. */
  readonly grace: number;
  /** Nothing more is expected of the chunk. */
  ended(execution: ChunkExecution): void;
  /** The worker may take another chunk. */
  freed(worker: WorkerHandle): void;
  /** Ends a worker that does not do so by itself. */
  kill(worker: WorkerHandle): void;
  /**
   * Returns the error of a chunk whose worker died.
   * @param loading the definition whose task the worker was loading
   */
  lossOf(worker: WorkerHandle, exit: WorkerExit, loading: RunDefinition | undefined): Error;
}

/** The stage of a chunk: it waits for a worker, a worker has it, a worker has it though nobody waits for it, or over. */
type State = 'waiting' | 'given' | 'abandoned' | 'over';

/** One chunk on its way through an executor, from its subscription to its end. */
export class ChunkExecution implements ChunkObserver {
  readonly run: Run;
  /** The worker that has it, once it is given to one. */
  worker: WorkerHandle | undefined;
  #state: State = 'waiting';
  #number = 0;
  /** Shared with the thread that has it. */
  #shared: Int32Array | undefined;
  #begun = false;
  #loaded = false;
  #reported = 0;
  #expired = false;
  readonly #length: number;
  readonly #overdue: OverdueTimer;
  /** The run's async context: code of the user reads the rows. */
  readonly #context = new AsyncResource('rx-parfor.chunk');
  /** The inputs on their way; not held once they are sent. */
  #inputs: EncodedInputs | undefined;

  constructor(
    readonly chunk: Chunk,
    /** The chunk on whose worker it is to run, after it. */
    readonly after: Chunk | undefined,
    inputs: EncodedInputs,
    private readonly definition: RunDefinition,
    private readonly subscriber: Subscriber<Report>,
    private readonly host: ExecutionHost,
  ) {
    this.run = chunk.run;
    this.#inputs = inputs;
    this.#length = inputs.message.length;
    this.#overdue = new OverdueTimer(
      () => this.worker?.poll(),
      () => this.#late(),
    );
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** True if its worker need not look at the clock after each task: there is one between the first and the last. */
  get mayLookSeldom(): boolean {
    return this.#length > 2;
  }

  /** Gives it to a worker. */
  give(worker: WorkerHandle, number: number, threads: boolean): void {
    this.#state = 'given';
    this.worker = worker;
    this.#number = number;
    if (threads) this.#shared = new Int32Array(new SharedArrayBuffer(4));
    const { message: inputs, transferList } = this.#inputs as EncodedInputs;
    this.#inputs = undefined;
    const { definition, host } = this;
    const { taskTimeout } = this.run;
    this.#loaded = worker.knows(definition.id);
    const message = {
      number,
      id: definition.id,
      definition,
      inputs,
      timeSlice: host.timeSlice,
      taskTimeout,
      state: this.#shared,
      remote: host.codec.remote,
    };
    worker.run(message, transferList, this);
  }

  /** Completes it at once where nothing of it has run. */
  recall(): void {
    const { waiting, cancelled } = chunkState;
    if (this.#state === 'given') {
      if (!this.#shared) return;
      if (Atomics.compareExchange(this.#shared, 0, waiting, cancelled) !== waiting) return;
    } else if (this.#state !== 'waiting') return;
    this.#abandon();
    this.#complete();
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (this.#state !== 'waiting' && this.#state !== 'given') return;
    if (this.#shared) {
      Atomics.store(this.#shared, 0, chunkState.cancelled);
      this.host.pulse?.beat();
    } else if (this.#state === 'given') this.worker?.cancel(this.#number);
    this.#abandon();
  }

  /** Ends it with an error of the pool's own. */
  fail(error: unknown): void {
    this.#abandon();
    this.#error(error);
  }

  #abandon(): void {
    const given = this.#state === 'given';
    this.#state = given ? 'abandoned' : 'over';
    this.#inputs = undefined;
    this.#overdue.stop();
    this.host.ended(this);
    if (given && this.worker?.runs(this)) this.#overdue.restart(this.host.grace);
  }

  #end(): void {
    this.#state = 'over';
    this.#overdue.stop();
    this.host.ended(this);
  }

  #late(): void {
    if (this.#state === 'given') this.#expired = true;
    this.host.kill(this.worker as WorkerHandle);
  }

  // The words of its worker.

  get isAnswerDue(): boolean {
    return !this.#hasBegun || this.#reported === this.#length;
  }

  get loading(): string | undefined {
    const { task } = this.definition;
    return this.#hasBegun && !this.#loaded && task.kind === 'module' ? task.url : undefined;
  }

  get #hasBegun(): boolean {
    return (
      this.#begun || (this.#shared !== undefined && Atomics.load(this.#shared, 0) === chunkState.running)
    );
  }

  turn(): void {
    if (this.#state === 'abandoned') this.#overdue.restart(this.host.grace);
  }

  begun(): void {
    this.#begun = true;
  }

  loaded(): void {
    this.#loaded = true;
  }

  started(): void {
    const { taskTimeout } = this.run;
    if (this.#state !== 'given' || taskTimeout === undefined) return;
    // A worker says by itself which tasks were late. This is for those that do not return: some quick ones before may
    // not be reported yet.
    this.#overdue.restart(taskTimeout + this.host.timeSlice);
  }

  unsendable(error: unknown): void {
    const isWanted = this.#state === 'given';
    if (isWanted) this.#end();
    else this.#overdue.stop();
    this.host.freed(this.worker as WorkerHandle);
    if (!isWanted) return;
    const why = `a value that cannot be sent: ${(error as Error).message}`;
    if (this.#length > 1)
      return this.#error(new WorkerLostError({ exitCode: undefined, reason: why, cause: error }));
    this.#next(refusedInput({ path: '', why }));
    this.#complete();
  }

  returned(): void {
    if (this.#state === 'abandoned' || this.run.taskTimeout !== undefined)
      this.#overdue.restart(REPORT_LIMIT_MS);
  }

  read(message: ReportMessage): Report | undefined {
    if (this.#state !== 'given') return undefined;
    const { codec } = this.host;
    return this.#context.runInAsyncScope(codec.report, codec, message);
  }

  report(report: Report | undefined, last: boolean): void {
    // What it was sending has come: it may go on with a task that nobody waits for.
    if (this.#state === 'abandoned' && !last) this.#overdue.restart(this.host.grace);
    if (this.#state !== 'given' || !report) return;
    this.#reported += report.count;
    if (last) this.#overdue.stop();
    else this.started();
    this.#next(report);
  }

  done(notRunnable: NotRunnable | undefined): void {
    if (this.#state === 'abandoned') this.#overdue.stop();
    if (this.#state !== 'given') return;
    this.#end();
    if (notRunnable) this.#error(this.host.codec.notRunnable(notRunnable));
    else this.#complete();
  }

  lost(exit: WorkerExit, blamed: boolean): void {
    if (this.#state === 'abandoned') this.#overdue.stop();
    if (this.#state !== 'given') return;
    this.#end();
    if (this.#expired) return this.#error(new ChunkTimeoutError());
    if (!blamed) return this.#error(new WorkerLostError(exit, true));
    const loading = this.#hasBegun && !this.#loaded ? this.definition : undefined;
    this.#error(this.host.lossOf(this.worker as WorkerHandle, exit, loading));
  }

  #next(report: Report): void {
    callObserver(() => this.subscriber.next(report));
  }

  #error(error: unknown): void {
    callObserver(() => this.subscriber.error(error));
  }

  #complete(): void {
    callObserver(() => this.subscriber.complete());
  }
}
