import { Observable, type Subscriber } from 'rxjs';
import { chunkState } from '../chunkState.js';
import { WorkerCrashError, type WorkerExit } from '../errors.js';
import {
  type Chunk,
  type Executor,
  ExecutorClosedError,
  type Failure,
  type Lease,
  LeaseExpired,
  type Report,
  type Run,
  WorkerLost,
} from '../executor.js';
import type { ChunkMessage, Definition } from '../protocol.js';
import { noRows } from '../transport/packing.js';
import { type Crossing, ownCrossing } from './crossing.js';
import { Lane, type LaneListener, type LaneOptions } from './lane.js';
import { TaskTimer } from './taskTimer.js';
import { warnOfOversubscription } from './workerOptions.js';

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

/** A chunk that waits for a worker. */
interface Waiting {
  readonly chunk: Chunk;
  readonly behind: Chunk | undefined;
  start(lane: Lane): void;
  complete(): void;
}

/** A chunk that a worker has. */
interface Taken {
  readonly lane: Lane;
  /** Completes the chunk where the worker has not begun it. */
  recall(): void;
}

/** Runs chunks on threads or child processes, one Tinypool of one worker for each. */
export class TinypoolExecutor implements Executor {
  readonly parallelism: number;
  readonly lease: Lease;
  readonly #options: TinypoolExecutorOptions;
  readonly #threads: boolean;
  readonly #crossing: Crossing;
  readonly #lanes = new Set<Lane>();
  readonly #idle: Lane[] = [];
  readonly #waiting = new Set<Waiting>();
  readonly #taken = new Map<Chunk, Taken>();
  readonly #running = new Set<Subscriber<Report>>();
  readonly #definitions = new WeakMap<Run, Definition>();
  readonly #idleTimers = new Map<Lane, NodeJS.Timeout>();
  #lastId = 0;
  #lastNumber = 0;
  #failedStarts = 0;
  #closed: Promise<void> | undefined;

  constructor(options: TinypoolExecutorOptions) {
    this.#options = options;
    this.parallelism = options.parallelism;
    this.#threads = options.runtime === 'worker_threads';
    this.lease = { slice: options.slice ?? SLICE, limit: LIMIT, ahead: true };
    this.#crossing = options.crossing ?? ownCrossing(this.#threads);
    // A process shares no memory in which it could be told apart who was first.
    if (this.#threads) this.recall = chunk => this.#recall(chunk);
  }

  readonly recall?: (chunk: Chunk) => void;

  run(chunk: Chunk, behind?: Chunk): Observable<Report> {
    return new Observable<Report>(subscriber => {
      if (this.#closed) {
        subscriber.error(new ExecutorClosedError());
        return;
      }
      this.#running.add(subscriber);
      subscriber.add(() => this.#running.delete(subscriber));
      const leader = behind && this.#taken.get(behind)?.lane;
      // Those who wait come first: with a chunk more on each worker, a run would never let others in.
      if (leader?.proven && leader.load === 1 && this.#waiting.size === 0)
        return this.#start(chunk, leader, subscriber);
      const waiting: Waiting = {
        chunk,
        behind,
        start: lane => {
          this.#waiting.delete(waiting);
          this.#start(chunk, lane, subscriber);
        },
        complete: () => subscriber.complete(),
      };
      subscriber.add(() => this.#waiting.delete(waiting));
      this.#waiting.add(waiting);
      this.#serve();
    });
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
    this.#closed ??= (async () => {
      this.#waiting.clear();
      for (const timer of this.#idleTimers.values()) clearTimeout(timer);
      const lanes = [...this.#lanes];
      for (const subscriber of this.#running) subscriber.error(new ExecutorClosedError());
      await Promise.all(lanes.map(lane => lane.end()));
    })();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Gives workers to those who wait, in their order. */
  #serve(): void {
    if (this.#closed) return;
    for (const waiting of this.#waiting) {
      const { chunk, behind } = waiting;
      // On a worker of its own it would run beside the other: one more than the run may have at once.
      if (behind && this.#taken.has(behind)) continue;
      const lane = this.#idle.pop() ?? this.#newLane(chunk.run);
      if (!lane) return;
      clearTimeout(this.#idleTimers.get(lane));
      this.#idleTimers.delete(lane);
      waiting.start(lane);
    }
  }

  #newLane(run: Run): Lane | undefined {
    const { parallelism, elastic } = this.#options;
    if (this.#lanes.size >= (elastic ? Math.max(parallelism, run.concurrency) : parallelism))
      return undefined;
    if (this.#lanes.size >= parallelism) warnOfOversubscription(run.concurrency, parallelism);
    const lane: Lane = new Lane(this.#options, warnOfStray, () => this.#remove(lane));
    this.#lanes.add(lane);
    return lane;
  }

  #remove(lane: Lane): void {
    this.#lanes.delete(lane);
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    clearTimeout(this.#idleTimers.get(lane));
    this.#idleTimers.delete(lane);
    this.#serve();
  }

  /** A chunk of the lane has ended. */
  #free(lane: Lane): void {
    if (lane.load > 0 || !this.#lanes.has(lane)) return;
    this.#idle.push(lane);
    const { idleTimeout } = this.#options;
    this.#serve();
    if (idleTimeout !== Infinity && this.#idle.includes(lane))
      this.#idleTimers.set(lane, setTimeout(() => this.#end(lane), idleTimeout).unref());
  }

  /** The slot counts as taken until the worker has really stopped. */
  async #end(lane: Lane): Promise<void> {
    const at = this.#idle.indexOf(lane);
    if (at >= 0) this.#idle.splice(at, 1);
    await lane.end();
    this.#remove(lane);
  }

  #recall(chunk: Chunk): void {
    for (const waiting of this.#waiting) if (waiting.chunk === chunk) waiting.complete();
    this.#taken.get(chunk)?.recall();
  }

  #start(chunk: Chunk, lane: Lane, subscriber: Subscriber<Report>): void {
    let definition: Definition;
    try {
      definition = this.#define(chunk.run);
    } catch (error) {
      this.#free(lane);
      subscriber.error(error);
      return;
    }
    const { message: inputs, moved, rejected } = this.#crossing.pack(chunk);
    if (inputs.length === 0) {
      const failure: Failure = {
        offset: 0,
        cause: undefined,
        untransferable: { what: 'input', path: rejected?.path ?? '', why: rejected?.why ?? '' },
      };
      this.#free(lane);
      subscriber.next({ count: 1, rows: noRows, failures: [failure], elapsed: 0 });
      subscriber.complete();
      return;
    }
    const { slice } = this.lease;
    const { taskTimeout } = chunk.run;
    let over = false;
    let expired = false;
    // A worker speaks after each slice, or each task that is longer.
    const silence = taskTimeout === undefined ? undefined : taskTimeout + (inputs.length > 1 ? slice : 0);
    const timer = new TaskTimer(silence, () => {
      expired = true;
      this.#end(lane);
    });
    const finish = () => {
      over = true;
      timer.stop();
      this.#taken.delete(chunk);
    };

    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const state = this.#threads ? new Int32Array(new SharedArrayBuffer(4)) : undefined;
    const message: ChunkMessage = {
      number,
      id: definition.id,
      ...(lane.known.has(definition.id) ? {} : { definition }),
      inputs,
      slice: slice * TOLERANCE,
      announce: taskTimeout !== undefined || !lane.proven,
      ...(state && { state }),
      ...(this.#crossing.far && { far: true }),
    };
    const listener: LaneListener = {
      turn: () => undefined,
      message: message => {
        this.#failedStarts = 0;
        if (message.kind === 'report' && message.last) timer.stop();
        else timer.restart();
        if (message.kind === 'report') subscriber.next(this.#crossing.report(message));
      },
      done: notRunnable => {
        finish();
        // The lane is free before the run goes on: its next chunk takes it.
        this.#free(lane);
        if (notRunnable) subscriber.error(this.#crossing.notRunnable(notRunnable));
        else subscriber.complete();
      },
      lost: (exit, begun) => {
        finish();
        if (expired) subscriber.error(new LeaseExpired());
        else subscriber.error(begun ? this.#lossOf(lane, exit) : new WorkerLost(exit, true));
        // One that was to follow this chunk goes elsewhere.
        this.#serve();
      },
    };
    subscriber.add(() => {
      if (over) return;
      finish();
      if (state) Atomics.store(state, 0, chunkState.cancelled);
      lane.cancel(number);
      lane.replace(listener, this.#letGo(lane));
    });
    const recall = () => {
      if (!state) return;
      const { waiting, cancelled } = chunkState;
      if (Atomics.compareExchange(state, 0, waiting, cancelled) !== waiting) return;
      finish();
      lane.replace(listener, this.#letGo(lane));
      subscriber.complete();
    };
    this.#taken.set(chunk, { lane, recall });
    try {
      lane.run(message, moved, listener);
    } catch (error) {
      // Node refuses to start the worker at all, for its `execArgv` or `env`.
      finish();
      this.#end(lane);
      subscriber.error(error);
    }
  }

  /** Listens for a chunk that nobody waits for: the worker stops by itself, or is ended. */
  #letGo(lane: Lane): LaneListener {
    let timer: NodeJS.Timeout | undefined;
    return {
      turn: () => {
        timer = setTimeout(() => this.#end(lane), GRACE[this.#threads ? 'worker_threads' : 'child_process']);
      },
      message: () => undefined,
      done: () => {
        clearTimeout(timer);
        this.#free(lane);
      },
      lost: () => clearTimeout(timer),
    };
  }

  #lossOf(lane: Lane, exit: WorkerExit): Error {
    if (lane.proven) return new WorkerLost(exit);
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
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  process.emitWarning(
    `a task left this error behind after it had returned; no input is blamed for it: ${text}`,
    {
      type: 'StrayErrorWarning',
      code: 'RX_PARFOR_STRAY',
    },
  );
}
