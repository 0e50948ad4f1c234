import { clearInterval, setImmediate, setInterval } from 'node:timers';
import { LoadingWatch } from './loadingWatch.js';

/** The time between two looks at a worker. */
const LOOK_EVERY_MS = 1_000;

/**
 * The looks within which a worker has to begin what it was given. What a task has left behind may keep it from that: a
 * loop, a stop signal. One that has run nothing yet may take long to start, or to read its inputs.
 */
const MAX_LOOKS = 2;
const MAX_FIRST_LOOKS = 60;

/** The part of a chunk that is looked at. */
export interface WatchedChunk {
  /** True if the worker has to answer, and no task need end for that: it has not begun the chunk, or all of it has run. */
  readonly isAnswerDue: boolean;
  /** The module that the worker loads for it now. */
  readonly loading: string | undefined;
}

/** A worker that is looked at. */
export interface WatchedWorker {
  /** Returns the chunk that it runs. */
  current(): WatchedChunk | undefined;
  /** Returns true once it has ended a chunk. */
  isProven(): boolean;
  /** Hears what it has said so far. */
  poll(): void;
  /** It does not answer, as nothing lets it. */
  unresponsive(): void;
}

/** Looks at a worker that has chunks: whether it answers, and how long it loads a module. */
export class WorkerWatch {
  #timer: NodeJS.Timeout | undefined;
  /** The chunk that an answer was due for at the last looks, and how many those were. */
  #due: WatchedChunk | undefined;
  #looks = 0;
  readonly #loading = new LoadingWatch();

  constructor(private readonly worker: WatchedWorker) {}

  /** Looks from now on. It keeps the program alive: of what goes on in its worker Tinypool knows nothing. */
  start(): void {
    this.#due = undefined;
    this.#timer ??= setInterval(() => this.#look(), LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    const current = this.worker.current();
    this.#loading.look(current?.loading, LOOK_EVERY_MS);
    if (!current?.isAnswerDue || current !== this.#due) {
      this.#due = current;
      this.#looks = 0;
      return;
    }
    this.#looks += 1;
    if (this.#looks < (this.worker.isProven() ? MAX_LOOKS : MAX_FIRST_LOOKS)) return;
    // What it has said while this thread was busy is heard first.
    setImmediate(() => {
      this.worker.poll();
      if (this.worker.current() === current && current.isAnswerDue) this.worker.unresponsive();
    });
  }
}
