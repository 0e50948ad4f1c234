import type { Subscriber } from 'rxjs';
import type { WorkerExit } from '../../errors.js';
import { type Chunk, type Failure, LeaseExpired, type Report, type Run, WorkerLost } from '../../executor.js';
import { chunkState } from '../../protocol/chunkState.js';
import type { Definition, NotRunnable, PackedMessage, ReportMessage } from '../../protocol/messages.js';
import { callObserver } from '../../runtime/callObserver.js';
import { noRows } from '../../serialization/columnBatch.js';
import type { Crossing } from './chunkCodec.js';
import { Patience } from './patience.js';
import type { Lane, LaneListener } from './workerHandle.js';

/** A report that is on its way takes as long as its bytes; one that has not come after so many ms will not, in ms. */
const REPORT_LIMIT = 30_000;

/** What an execution asks of the executor that it belongs to. */
export interface ExecutionOwner {
  readonly crossing: Crossing;
  /** Milliseconds of work after which a worker starts no further input. */
  readonly slice: number;
  /** Milliseconds that a worker has to come free when nobody waits for its chunk any more. */
  readonly grace: number;
  /** Nothing more is expected of the chunk. */
  ended(execution: ChunkExecution): void;
  /** The worker may take another chunk. */
  freed(lane: Lane): void;
  /** Ends a worker that does not do so by itself. */
  kill(lane: Lane): void;
  /** What to make of a worker that died while it ran a chunk. */
  lossOf(lane: Lane, exit: WorkerExit): Error;
}

/** Where a chunk is: it waits for a worker, a worker has it, nobody waits for it any more though a worker has it, or over. */
type State = 'waiting' | 'given' | 'abandoned' | 'over';

/** One chunk on its way through an executor, from its subscription to its end. */
export class ChunkExecution implements LaneListener {
  readonly run: Run;
  /** Once it is given. */
  lane: Lane | undefined;
  #state: State = 'waiting';
  #number = 0;
  /** Shared with the thread that has it. */
  #shared: Int32Array | undefined;
  #begun = false;
  #reported = 0;
  #expired = false;
  readonly #length: number;
  readonly #patience: Patience;
  /** The inputs on their way; not held once they are sent. */
  #inputs: ReturnType<Crossing['pack']> | undefined;

  constructor(
    readonly chunk: Chunk,
    /** The chunk on whose worker it is to run, after it. */
    readonly behind: Chunk | undefined,
    inputs: ReturnType<Crossing['pack']>,
    private readonly definition: Definition,
    private readonly subscriber: Subscriber<Report>,
    private readonly owner: ExecutionOwner,
  ) {
    this.run = chunk.run;
    this.#inputs = inputs;
    this.#length = inputs.message.length;
    this.#patience = new Patience(
      () => this.lane?.poll(),
      () => this.#late(),
    );
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting';
  }

  /** Gives it to a worker. */
  give(lane: Lane, number: number, threads: boolean): void {
    this.#state = 'given';
    this.lane = lane;
    this.#number = number;
    if (threads) this.#shared = new Int32Array(new SharedArrayBuffer(4));
    const { message: inputs, moved } = this.#inputs as ReturnType<Crossing['pack']>;
    this.#inputs = undefined;
    const { definition, owner } = this;
    const { taskTimeout } = this.run;
    const message = {
      number,
      id: definition.id,
      definition: lane.known.has(definition.id) ? undefined : definition,
      inputs: inputs as PackedMessage,
      slice: owner.slice,
      taskTimeout,
      state: this.#shared,
      far: owner.crossing.far,
    };
    try {
      lane.run(message, moved, this);
    } catch (error) {
      this.#end();
      owner.freed(lane);
      this.#unsendable(error);
    }
  }

  /** What was taken for fit to cross is not. */
  #unsendable(error: unknown): void {
    const why = `a value that cannot be sent: ${(error as Error).message}`;
    if (this.#length > 1)
      return this.#error(new WorkerLost({ exitCode: undefined, reason: why, cause: error }));
    const failure: Failure = {
      offset: 0,
      cause: undefined,
      untransferable: { what: 'input', path: '', why },
    };
    this.#next({ count: 1, rows: noRows, failures: [failure], elapsed: 0 });
    this.#complete();
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
    if (this.#shared) Atomics.store(this.#shared, 0, chunkState.cancelled);
    else if (this.#state === 'given') this.lane?.cancel(this.#number);
    this.#abandon();
  }

  /** Ends it with an error of the executor's own. */
  fail(error: unknown): void {
    this.#abandon();
    this.#error(error);
  }

  #abandon(): void {
    const given = this.#state === 'given';
    this.#state = given ? 'abandoned' : 'over';
    this.#inputs = undefined;
    this.#patience.stop();
    this.owner.ended(this);
    if (given && this.lane?.runs(this)) this.#patience.restart(this.owner.grace);
  }

  #end(): void {
    this.#state = 'over';
    this.#patience.stop();
    this.owner.ended(this);
  }

  #late(): void {
    if (this.#state === 'given') this.#expired = true;
    this.owner.kill(this.lane as Lane);
  }

  // What its lane tells.

  get owesWord(): boolean {
    return !this.#hasBegun || this.#reported === this.#length;
  }

  get #hasBegun(): boolean {
    return (
      this.#begun || (this.#shared !== undefined && Atomics.load(this.#shared, 0) === chunkState.running)
    );
  }

  turn(): void {
    if (this.#state === 'abandoned') this.#patience.restart(this.owner.grace);
  }

  begun(): void {
    this.#begun = true;
  }

  started(): void {
    const { taskTimeout } = this.run;
    if (this.#state !== 'given' || taskTimeout === undefined) return;
    // A worker says by itself which tasks were late. This is for those that do not return: some quick ones before may
    // not be reported yet.
    this.#patience.restart(taskTimeout + this.owner.slice);
  }

  returned(): void {
    if (this.#state === 'abandoned' || this.run.taskTimeout !== undefined)
      this.#patience.restart(REPORT_LIMIT);
  }

  read(message: ReportMessage): Report | undefined {
    return this.#state === 'given' ? this.owner.crossing.report(message) : undefined;
  }

  report(report: Report | undefined, last: boolean): void {
    if (this.#state !== 'given' || !report) return;
    this.#reported += report.count;
    if (last) this.#patience.stop();
    else this.started();
    this.#next(report);
  }

  done(notRunnable: NotRunnable | undefined): void {
    if (this.#state === 'abandoned') this.#patience.stop();
    if (this.#state !== 'given') return;
    this.#end();
    if (notRunnable) this.#error(this.owner.crossing.notRunnable(notRunnable));
    else this.#complete();
  }

  lost(exit: WorkerExit, blamed: boolean): void {
    if (this.#state === 'abandoned') this.#patience.stop();
    if (this.#state !== 'given') return;
    this.#end();
    if (this.#expired) this.#error(new LeaseExpired());
    else this.#error(blamed ? this.owner.lossOf(this.lane as Lane, exit) : new WorkerLost(exit, true));
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
