import type { WorkerExit } from '../../errors.js';
import type { Report } from '../../executor.js';
import type {
  ChunkMessage,
  NotRunnable,
  ReportMessage,
  Transferable,
  WorkerMessage,
} from '../../protocol/messages.js';
import { Fifo } from '../../queues/fifo.js';
import { decodeThrown } from '../../serialization/decode.js';
import { TinypoolWorker, type TinypoolWorkerObserver, type TinypoolWorkerOptions } from './tinypoolWorker.js';
import { WorkerOutbox } from './workerOutbox.js';
import { type WatchedChunk, WorkerWatch } from './workerWatch.js';

/** Hears what a worker says of one chunk. */
export interface ChunkObserver extends WatchedChunk {
  /** All chunks before it have ended: it is the one that the worker runs. */
  turn(): void;
  /** A process has taken it up. Of a thread it is seen in shared memory. */
  begun(): void;
  /** The worker has loaded the run's task. */
  loaded(): void;
  /** A task runs now. */
  started(): void;
  /** No task runs now, until the next report has been sent. */
  returned(): void;
  /** Makes values of what came; code of the user may run in it. */
  read(message: ReportMessage): Report | undefined;
  /** Hears what `read` made; `last`: the chunk has ended with it. */
  report(report: Report | undefined, last: boolean): void;
  /** Node refuses to clone what is in it: it has not been sent, and the worker goes on without it. */
  unsendable(error: unknown): void;
  /** The chunk has ended and the worker goes on; with the reason why the task could not be run, where that is so. */
  done(notRunnable: NotRunnable | undefined): void;
  /** The worker is gone, and its handle with it; `blamed`: it may be for this chunk. */
  lost(exit: WorkerExit, blamed: boolean): void;
}

/** Hears what becomes of a worker. */
export interface WorkerObserver {
  /** An error that no task is to blame for. */
  stray(error: unknown): void;
  /** It has loaded a task: it can run chunks. */
  loaded(): void;
  /** It has ended a chunk and may take another. */
  freed(worker: WorkerHandle): void;
  /** It is gone, with or without a chunk. */
  gone(worker: WorkerHandle): void;
  /** It does not begin what it was given. */
  unresponsive(worker: WorkerHandle): void;
}

/**
 * One worker, and the chunks that it has, in its order.
 *
 * It is one class, as each word of a worker changes which chunk the next one is of.
 */
export class WorkerHandle {
  /** True once the worker has started: what ends it from then on is not the set-up. */
  ready = false;
  readonly #worker: Pick<TinypoolWorker, keyof TinypoolWorker>;
  readonly #threads: boolean;
  readonly #outbox: WorkerOutbox<ChunkObserver>;
  readonly #watch: WorkerWatch;
  /** The chunks that the worker has, in its order: it runs the first. */
  readonly #chunks: ChunkObserver[] = [];
  /** Messages of the worker that nobody has heard yet. */
  readonly #inbox = new Fifo<WorkerMessage>();
  /** True while values are made of a report: code of the user may run meanwhile, and the next message waits. */
  #reading = false;
  /** True once the worker has ended a chunk. */
  #proven = false;
  #fatal: Extract<WorkerMessage, { kind: 'fatal' }> | undefined;
  /** Once the worker is gone, or is to go: when it has stopped. */
  #gone: Promise<void> | undefined;

  constructor(
    options: TinypoolWorkerOptions,
    private readonly observer: WorkerObserver,
    makeWorker: (
      options: TinypoolWorkerOptions,
      observer: TinypoolWorkerObserver,
    ) => Pick<TinypoolWorker, keyof TinypoolWorker> = (...parameters) => new TinypoolWorker(...parameters),
  ) {
    this.#threads = options.runtime === 'worker_threads';
    this.#outbox = new WorkerOutbox((command, transferList) => {
      if (!this.#gone) this.#worker.send(command, transferList);
    }, this.#threads);
    this.#watch = new WorkerWatch({
      current: () => this.#chunks[0],
      isProven: () => this.#proven,
      poll: () => this.poll(),
      unresponsive: () => {
        if (!this.#gone) this.observer.unresponsive(this);
      },
    });
    this.#worker = makeWorker(options, {
      message: message => this.#receive(message),
      messageError: error => this.#unreadable(error),
      exited: exit => this.#exited(exit),
    });
  }

  /** The number of chunks that the worker has. */
  get load(): number {
    return this.#chunks.length;
  }

  /** Returns true if it is this chunk that the worker runs. */
  runs(chunk: ChunkObserver): boolean {
    return this.#chunks[0] === chunk;
  }

  /** Returns true if the worker has this definition, or will have it before what it is given next. */
  knows(definition: number): boolean {
    return this.#outbox.knows(definition);
  }

  /**
   * Starts the worker, where that is not done.
   * @throws the error of Node where it refuses to start a worker, for its `execArgv` or `env`
   */
  start(): void {
    this.#worker.start();
  }

  /**
   * Runs a chunk, after the one that the worker may have already. The definition of its run goes with the first one only.
   * The chunk hears of it where Node cannot clone the message, now or once the worker has started.
   */
  run(message: ChunkMessage, transferList: readonly Transferable[], chunk: ChunkObserver): void {
    try {
      this.#outbox.give({ message, transferList, chunk });
    } catch (error) {
      return chunk.unsendable(error);
    }
    this.#chunks.push(chunk);
    if (this.load > 1) return;
    this.#watch.start();
    chunk.turn();
  }

  /** Hears what the worker has said so far, without waiting for the event loop. */
  poll(): void {
    this.#worker.poll();
  }

  /** Tells the worker that nobody waits for a chunk. Threads share memory for that, and look there. */
  cancel(number: number): void {
    if (!this.#threads) this.#outbox.cancel(number);
  }

  /** Has the worker forget a definition, when it has no chunk that might need it. */
  forget(definition: number): void {
    this.#outbox.forget(definition);
    if (this.load === 0) this.#outbox.tellForgotten();
  }

  /** Ends the worker; resolves when it has really stopped. Its chunks are lost. */
  end(): Promise<void> {
    return this.#end('it was ended', this.#chunks[0]);
  }

  /** Ends the worker whatever it does: a process that was stopped, or does not listen to signals, too. */
  kill(): Promise<void> {
    this.#worker.kill();
    return this.end();
  }

  /** Ends the worker, as it does not begin what it was given: no input is to blame, unless it is the first that is read. */
  giveUp(): Promise<void> {
    this.#worker.kill();
    const blameless = this.#proven || !this.ready;
    return this.#end('it did not begin what it was given', blameless ? undefined : this.#chunks[0]);
  }

  #end(reason: string, blamed: ChunkObserver | undefined, cause?: unknown): Promise<void> {
    this.#gone ??= this.#destroy({ exitCode: undefined, reason, cause }, blamed);
    return this.#gone;
  }

  async #destroy(exit: WorkerExit, blamed: ChunkObserver | undefined): Promise<void> {
    const chunks = this.#leaveChunks();
    const stopped = this.#worker.destroy();
    // They need not wait until it has stopped, which a call into native code can put off for long.
    await Promise.resolve();
    for (const chunk of chunks) chunk.lost(exit, chunk === blamed);
    await stopped;
  }

  #exited(exit: WorkerExit): void {
    if (this.#gone) return;
    this.#gone = Promise.resolve();
    this.observer.gone(this);
    // What it said before it went is heard first: a row that was posted is not run again.
    this.poll();
    const cause = this.#fatal && decodeThrown(this.#fatal.error, this.#fatal.tag);
    const end: WorkerExit =
      cause === undefined ? exit : { exitCode: exit.exitCode, reason: 'an error that nobody caught', cause };
    const chunks = this.#leaveChunks();
    this.#worker.abandon();
    for (const [i, chunk] of chunks.entries()) chunk.lost(end, i === 0);
  }

  /** Hears nothing more of its chunks. */
  #leaveChunks(): ChunkObserver[] {
    this.#watch.stop();
    return this.#chunks.splice(0);
  }

  /** Ends the worker, as a message of it was lost: its chunks run again, input by input. */
  #unreadable(error: unknown): void {
    if (this.#gone) return;
    this.#end('a message of it cannot be read', this.#chunks[0], error).finally(() =>
      this.observer.gone(this),
    );
  }

  #receive(message: WorkerMessage): void {
    this.#inbox.push(message);
    while (!this.#reading) {
      const next = this.#inbox.shift();
      if (!next) return;
      this.#hear(next);
    }
  }

  /** Takes note of a message. Whatever changes here has changed before anybody is told. */
  #hear(message: WorkerMessage): void {
    const [first] = this.#chunks;
    switch (message.kind) {
      case 'ready':
        return this.#begin();
      case 'fatal':
        // The first one says what the others followed from.
        this.#fatal ??= message;
        return;
      case 'stray':
        return this.observer.stray(decodeThrown(message.error, message.tag));
      case 'begun':
        return first?.begun();
      case 'loaded':
        this.observer.loaded();
        return first?.loaded();
      case 'started':
        return first?.started();
      case 'returned':
        return first?.returned();
      case 'report':
        if (first) this.#hearReport(first, message);
        return;
      case 'end':
        if (!first) return;
        this.#ended();
        first.done(message.notRunnable);
    }
  }

  #hearReport(chunk: ChunkObserver, message: ReportMessage): void {
    let report: Report | undefined;
    this.#reading = true;
    try {
      report = chunk.read(message);
    } catch (error) {
      return this.#unreadable(error);
    } finally {
      this.#reading = false;
    }
    if (message.last && this.runs(chunk)) this.#ended();
    chunk.report(report, message.last);
    if (message.last) chunk.done(undefined);
  }

  /** Goes on once the worker has started. */
  #begin(): void {
    this.ready = true;
    const refused = this.#outbox.open();
    this.#worker.stopListening();
    // Told last, as the worker is given other chunks then.
    for (const { chunk } of refused) this.#leave(chunk);
    for (const { chunk, error } of refused) chunk.unsendable(error);
  }

  /** Goes on once the first of its chunks has ended. */
  #ended(): void {
    this.#proven = true;
    this.#fatal = undefined;
    this.#leave(this.#chunks[0]);
    // What is heard of a worker that is gone frees nobody.
    if (!this.#gone) this.observer.freed(this);
  }

  /** Goes on with the other chunks of the worker. */
  #leave(chunk: ChunkObserver | undefined): void {
    const place = this.#chunks.indexOf(chunk as ChunkObserver);
    this.#chunks.splice(place, 1);
    if (this.load === 0) {
      this.#watch.stop();
      this.#outbox.tellForgotten();
    } else if (place === 0) this.#chunks[0]?.turn();
  }
}
