import { asyncScheduler, type Observer, type SchedulerLike, Subject, Subscription } from 'rxjs';
import { callObserver } from '../runtime/callObserver.js';

/** How far a run is. */
export interface Progress {
  /** Inputs in all; known when the source has completed, or earlier where it says its length. */
  total?: number;
  /** Inputs whose task has returned. */
  completed: number;
  /** Inputs whose task has failed for good. */
  failed: number;
  /** Inputs that are with a worker now. */
  running: number;
  /** Settled inputs as a fraction of `total`, from 0 to 1. */
  fraction?: number;
  /** Milliseconds since the subscription. */
  elapsed: number;
  /** Settled inputs per second, over the whole run. */
  rate: number;
  /** Milliseconds that are left, at that rate. */
  remaining?: number;
}

/** What a run tells about itself; `finalize` is called when it is over in any way, unsubscription included. */
export type ProgressObserver = Partial<Observer<Progress>> & { finalize?(): void };

/** A run is told about at least this often while it runs, in ms. */
const LONGEST_SILENCE = 100;

/** And not more often than this, in ms: never once per input. */
const SHORTEST_SILENCE = 40;

/** Counts a run's inputs and tells an observer: at the start, as work completes, and at the end. */
export class ProgressMeter {
  total: number | undefined;
  completed = 0;
  failed = 0;
  /** Inputs that are with a worker now: asked only when somebody is told. */
  running: () => number = () => 0;
  /** What the observer throws, this reports as RxJS does; it is not an error of the run. */
  readonly #told = new Subject<Progress>();
  readonly #start: number;
  readonly #timer: Subscription;
  #last: number;

  constructor(
    observer: ProgressObserver,
    total: number | undefined,
    private readonly clock: SchedulerLike = asyncScheduler,
  ) {
    this.total = total;
    this.#start = this.#last = clock.now();
    this.#timer = new Subscription(() => callObserver(() => observer.finalize?.()));
    this.#told.subscribe({
      next: progress => observer.next?.(progress),
      error: error => observer.error?.(error),
      complete: () => observer.complete?.(),
    });
    this.#tell(this.#start);
    const meter = this;
    this.#timer.add(
      clock.schedule(function () {
        const now = clock.now();
        if (now - meter.#last >= LONGEST_SILENCE) meter.#tell(now);
        this.schedule(undefined, meter.#last + LONGEST_SILENCE - now);
      }, LONGEST_SILENCE),
    );
  }

  /** Something has settled. */
  settled(): void {
    const now = this.clock.now();
    if (now - this.#last >= SHORTEST_SILENCE) this.#tell(now);
  }

  complete(): void {
    this.#tell(this.clock.now());
    this.#told.complete();
    this.#timer.unsubscribe();
  }

  error(error: unknown): void {
    this.#tell(this.clock.now());
    this.#told.error(error);
    this.#timer.unsubscribe();
  }

  /** Nobody waits for the run any more. */
  stop(): void {
    this.#timer.unsubscribe();
  }

  #tell(now: number): void {
    this.#last = now;
    const { total, completed, failed } = this;
    const settled = completed + failed;
    const elapsed = now - this.#start;
    const rate = elapsed > 0 ? (settled / elapsed) * 1000 : 0;
    this.#told.next({
      ...(total === undefined ? {} : { total, fraction: total === 0 ? 1 : settled / total }),
      completed,
      failed,
      running: this.running(),
      elapsed,
      rate,
      ...(total === undefined || rate === 0 ? {} : { remaining: ((total - settled) / rate) * 1000 }),
    });
  }
}
