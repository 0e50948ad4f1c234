import process from 'node:process';
import { clearTimeout, setTimeout } from 'node:timers';
import { Observable, type Subscriber } from 'rxjs';
import { describeStack, WorkerCrashError, type WorkerExit } from '../../errors.js';
import {
  type Chunk,
  type Executor,
  ExecutorClosedError,
  type Failure,
  type Lease,
  type Report,
  type Run,
  WorkerLost,
} from '../../executor.js';
import type { Definition } from '../../protocol/messages.js';
import { Turns } from '../../queues/turns.js';
import { noRows } from '../../serialization/columnBatch.js';
import { warnOfOversubscription } from '../workerOptions.js';
import { type Crossing, ownCrossing } from './chunkCodec.js';
import { ChunkExecution, type ExecutionOwner } from './chunkExecution.js';
import { Lane, type LaneOptions, type LaneOwner } from './workerHandle.js';

/**
 * A chunk holds about this much work, in ms: what a chunk costs, some 0.1 ms, is then 1 % of it, and a cancelled run lets
 * go within it (`bench/constants.ts`).
 */
const SLICE = 8;

/** More inputs make a chunk's memory outgrow the caches, and the main thread's share of it uneven (`bench/constants.ts`). */
const LIMIT = 16_384;

/** A worker may take this much longer than planned: to hand back the last few inputs costs more (`bench/constants.ts`). */
const TOLERANCE = 1.25;

/**
 * A worker that is let go of has this long to stop by itself before it is ended, in ms. A thread sees the flag after
 * the task that it is at; a process, which shares no memory, at the end of its slice (`bench/cancel.ts`).
 */
const GRACE = { worker_threads: 5, child_process: SLICE + 12 };

/**
 * So many workers in a row that die before they run anything are an error of the set-up. Fewer could be chance: workers
 * that are killed from outside five times a second got past three in a row within a minute.
 */
const FAILED_STARTS = 10;

export interface TinypoolExecutorOptions extends LaneOptions {
  /** How many workers by default. */
  readonly parallelism: number;
  /** Whether a run may ask for more than these. */
  readonly elastic: boolean;
  /** Milliseconds after which an idle worker is ended; `Infinity` for never. */
  readonly idleTimeout: number;
  /** Milliseconds of work that a chunk should hold. Default: 8. */
  readonly slice?: number;
  /** How values get into messages and out of them. Default: this program's values. */
  readonly crossing?: Crossing;
}

/**
 * Runs chunks on threads or child processes, one Tinypool of one worker for each.
 *
 * Code of the user runs where values are packed and read, and in what subscribers are told; all of it may call anything
 * here. So a chunk is packed before a worker is chosen for it, and a worker is free before anybody is told so.
 */
export class TinypoolExecutor implements Executor {
  readonly parallelism: number;
  readonly lease: Lease;
  readonly #options: TinypoolExecutorOptions;
  readonly #threads: boolean;
  readonly #crossing: Crossing;
  readonly #lanes = new Set<Lane>();
  readonly #idle: Lane[] = [];
  readonly #waiting = new Turns<ChunkExecution>();
  /** Chunks that are waited for, with a worker or without. */
  readonly #executions = new Map<Chunk, ChunkExecution>();
  readonly #definitions = new WeakMap<Run, Definition>();
  readonly #idleTimers = new Map<Lane, NodeJS.Timeout>();
  readonly #executionOwner: ExecutionOwner;
  readonly #laneOwner: LaneOwner = {
    stray: warnOfStray,
    ready: () => {
      this.#failedStarts = 0;
    },
    freed: lane => this.#free(lane),
    gone: lane => this.#remove(lane),
    deaf: lane => this.#replace(lane, lane.giveUp()),
  };
  #lastId = 0;
  #lastNumber = 0;
  #failedStarts = 0;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(options: TinypoolExecutorOptions) {
    this.#options = options;
    this.parallelism = options.parallelism;
    this.#threads = options.runtime === 'worker_threads';
    this.lease = { slice: options.slice ?? SLICE, limit: LIMIT, ahead: true };
    this.#crossing = options.crossing ?? ownCrossing(this.#threads);
    this.#executionOwner = {
      crossing: this.#crossing,
      slice: this.lease.slice * TOLERANCE,
      grace: GRACE[this.#threads ? 'worker_threads' : 'child_process'],
      ended: execution => this.#forget(execution),
      freed: lane => this.#free(lane),
      kill: lane => this.#replace(lane, lane.kill()),
      lossOf: (lane, exit) => this.#lossOf(lane, exit),
    };
    // A process shares no memory in which it could be told apart who was first.
    if (this.#threads) this.recall = chunk => this.#executions.get(chunk)?.recall();
  }

  readonly recall?: (chunk: Chunk) => void;

  run(chunk: Chunk, behind?: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      const execution = this.#prepare(chunk, behind, subscriber);
      if (!execution) return;
      this.#executions.set(chunk, execution);
      subscriber.add(() => execution.cancel());
      const lane = behind && this.#executions.get(behind)?.lane;
      // Those who wait come first: with a chunk more on each worker, a run would never let others in.
      if (lane?.ready && lane.load === 1 && this.#waiting.length === 0) return this.#give(execution, lane);
      this.#waiting.add(execution);
      this.#serve();
    });
  }

  isWaiting(chunk: Chunk): boolean {
    return this.#executions.get(chunk)?.isWaiting === true;
  }

  /** The workers may forget what the chunks of this run shared. */
  release(run: Run): void {
    const id = this.#definitions.get(run)?.id;
    if (id !== undefined) for (const lane of this.#lanes) lane.forget(id);
  }

  /** Hears what the workers have said so far. */
  poll(): void {
    for (const lane of [...this.#lanes]) lane.poll();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    // First, as those who are told may run again here.
    this.#closed = true;
    for (const timer of this.#idleTimers.values()) clearTimeout(timer);
    const ended = [...this.#lanes].map(lane => lane.end());
    for (const execution of [...this.#executions.values()]) execution.fail(new ExecutorClosedError());
    await Promise.all(ended);
  }

  /** Packs a chunk, unless there is nothing to run then. Code of the user may run in it, and unsubscribe or close. */
  #prepare(
    chunk: Chunk,
    behind: Chunk | undefined,
    subscriber: Subscriber<Report>,
  ): ChunkExecution | undefined {
    let definition: Definition | undefined;
    let inputs: ReturnType<Crossing['pack']> | undefined;
    if (!this.#closed && !subscriber.closed) {
      try {
        definition = this.#define(chunk.run);
        inputs = this.#crossing.pack(chunk);
      } catch (error) {
        subscriber.error(error);
        return undefined;
      }
    }
    if (subscriber.closed) return undefined;
    if (this.#closed || !definition || !inputs) {
      subscriber.error(new ExecutorClosedError());
      return undefined;
    }
    if (inputs.message.length > 0)
      return new ChunkExecution(chunk, behind, inputs, definition, subscriber, this.#executionOwner);
    const { path = '', why = '' } = inputs.rejected ?? {};
    const failure: Failure = { offset: 0, cause: undefined, untransferable: { what: 'input', path, why } };
    subscriber.next({ count: 1, rows: noRows, failures: [failure], elapsed: 0 });
    subscriber.complete();
    return undefined;
  }

  #forget(execution: ChunkExecution): void {
    this.#executions.delete(execution.chunk);
    this.#waiting.delete(execution);
    // One that was to follow it may go elsewhere.
    this.#serve();
  }

  /** Gives workers to those who wait. */
  #serve(): void {
    while (!this.#closed) {
      const next = this.#waiting.take(
        ({ run, behind }) =>
          // On a worker of its own it would run beside the other: one more than the run may have at once.
          !(behind && this.#executions.has(behind)) && (this.#idle.length > 0 || this.#mayGrow(run)),
      );
      if (!next) return;
      const lane = this.#idle.pop() ?? this.#newLane(next.run);
      clearTimeout(this.#idleTimers.get(lane));
      this.#idleTimers.delete(lane);
      this.#give(next, lane);
    }
  }

  #give(execution: ChunkExecution, lane: Lane): void {
    try {
      lane.start();
    } catch (error) {
      this.#replace(lane, lane.end());
      execution.fail(error);
      return;
    }
    this.#lastNumber += 1;
    execution.give(lane, this.#lastNumber, this.#threads);
  }

  #mayGrow(run: Run): boolean {
    const { parallelism, elastic } = this.#options;
    const most = elastic && run.concurrency < Infinity ? Math.max(parallelism, run.concurrency) : parallelism;
    return this.#lanes.size < most;
  }

  #newLane(run: Run): Lane {
    const { parallelism } = this.#options;
    if (this.#lanes.size >= parallelism) warnOfOversubscription(run.concurrency, parallelism);
    const lane = new Lane(this.#options, this.#laneOwner);
    this.#lanes.add(lane);
    return lane;
  }

  #remove(lane: Lane): void {
    this.#lanes.delete(lane);
    this.#leaveIdle(lane);
    this.#serve();
  }

  #leaveIdle(lane: Lane): void {
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    clearTimeout(this.#idleTimers.get(lane));
    this.#idleTimers.delete(lane);
  }

  /** A chunk of the lane has ended. */
  #free(lane: Lane): void {
    if (lane.load > 0 || !this.#lanes.has(lane) || this.#idle.includes(lane)) return;
    this.#idle.push(lane);
    const { idleTimeout } = this.#options;
    this.#serve();
    if (idleTimeout !== Infinity && this.#idle.includes(lane))
      this.#idleTimers.set(lane, setTimeout(() => this.#replace(lane, lane.end()), idleTimeout).unref());
  }

  /** The slot counts as taken until the worker has really stopped. */
  async #replace(lane: Lane, ended: Promise<void>): Promise<void> {
    this.#leaveIdle(lane);
    await ended;
    this.#remove(lane);
  }

  #lossOf(lane: Lane, exit: WorkerExit): Error {
    if (lane.ready) return new WorkerLost(exit);
    this.#failedStarts += 1;
    return this.#failedStarts < FAILED_STARTS
      ? new WorkerLost(exit, true)
      : new WorkerCrashError({ index: undefined, input: undefined }, exit);
  }

  #define(run: Run): Definition {
    const known = this.#definitions.get(run);
    if (known) return known;
    this.#lastId += 1;
    const definition = this.#crossing.define(run, this.#lastId);
    this.#definitions.set(run, definition);
    return definition;
  }
}

function warnOfStray(error: unknown): void {
  process.emitWarning(
    `a task left this error behind after it had returned; no input is blamed for it: ${describeStack(error)}`,
    {
      type: 'StrayErrorWarning',
      code: 'RX_PARFOR_STRAY',
    },
  );
}
