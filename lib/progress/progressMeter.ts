import { AsyncResource } from 'node:async_hooks';
import { asyncScheduler, type Observer, type SchedulerLike, Subject, Subscription } from 'rxjs';
import { callObserver } from '../runtime/callObserver.js';
import type { Meter } from './meter.js';
import { monotonicClock } from './monotonicClock.js';
import { TimeLeft } from './timeLeft.js';

/** The state of a run: how far it is, and how fast. */
export interface Progress {
  /** Inputs in all; known when the source has completed, or earlier where it says its length and gives no more than that. */
  total?: number;
  /** Inputs whose task has returned. */
  completed: number;
  /** Inputs whose task has failed for good. */
  failed: number;
  /** Inputs that are with a worker now. */
  running: number;
  /** Settled inputs as a fraction of `total`, from 0 to 1. */
  fraction?: number;
  /** Milliseconds since the subscription, by a clock that is never set back. */
  elapsed: number;
  /** Settled inputs per second, over the whole run. */
  rate: number;
  /**
   * Milliseconds that are left, from 0, estimated from recent completions: the start-up is left out, and a cost that
   * grows or falls steadily is extrapolated. It does not grow between completions. Absent while `total` is unknown, and
   * until enough inputs have settled.
   */
  remaining?: number;
}

/** Hears of a run's progress; `finalize` is called when it is over in any way, unsubscription included. */
export type ProgressObserver = Partial<Observer<Progress>> & { finalize?(): void };

/** An observer is told at least this often while its run is on. */
const MAX_SILENCE_MS = 100;

/** And not more often than this: never once per input. */
const MIN_SILENCE_MS = 40;

/** Counts a run's inputs and tells an observer: at the start, as work completes, and at the end. */
export class ProgressMeter implements Meter {
  #total: number | undefined;
  #completed = 0;
  #failed = 0;
  /** Reports what the observer throws as RxJS does; it is not an error of the run. */
  readonly #told = new Subject<Progress>();
  readonly #now: () => number;
  readonly #start: number;
  readonly #timeLeft = new TimeLeft();
  readonly #timer: Subscription;
  readonly #running: () => number;
  #last: number;

  /**
   * @param running gives the inputs that are with a worker now; it is asked only when the observer is told
   */
  constructor(
    observer: ProgressObserver,
    { total, running = () => 0 }: { total?: number | undefined; running?: () => number } = {},
    clock: SchedulerLike = asyncScheduler,
  ) {
    this.#total = total;
    this.#running = running;
    this.#now = monotonicClock(clock);
    this.#start = this.#last = this.#now();
    this.#timer = new Subscription(() => callObserver(() => observer.finalize?.()));
    this.#told.subscribe({
      next: progress => observer.next?.(progress),
      error: error => observer.error?.(error),
      complete: () => observer.complete?.(),
    });
    this.#tell(this.#start);
    const context = new AsyncResource('rx-parfor.progress');
    const meter = this;
    this.#timer.add(
      clock.schedule(function () {
        const now = meter.#now();
        // A clock that tests move calls in the async context of the test.
        if (now - meter.#last >= MAX_SILENCE_MS) context.runInAsyncScope(meter.#tell, meter, now);
        this.schedule(undefined, meter.#last + MAX_SILENCE_MS - now);
      }, MAX_SILENCE_MS),
    );
  }

  setTotal(total: number): void {
    this.#total = total;
  }

  count(completed: number, failed: number): void {
    this.#completed += completed;
    this.#failed += failed;
    this.#timeLeft.settle(completed + failed, this.#now() - this.#start);
  }

  tell(): void {
    const now = this.#now();
    if (now - this.#last >= MIN_SILENCE_MS) this.#tell(now);
  }

  complete(): void {
    this.#tell(this.#now());
    this.#told.complete();
    this.#timer.unsubscribe();
  }

  error(error: unknown): void {
    this.#tell(this.#now());
    this.#told.error(error);
    this.#timer.unsubscribe();
  }

  stop(): void {
    this.#timer.unsubscribe();
  }

  #tell(now: number): void {
    this.#last = now;
    const settled = this.#completed + this.#failed;
    const running = this.#running();
    // The total of a source that gives more than that is not known.
    const total = this.#total !== undefined && this.#total >= settled + running ? this.#total : undefined;
    const elapsed = now - this.#start;
    const remaining = this.#timeLeft.remaining(total, running, elapsed);
    this.#told.next({
      ...(total === undefined ? {} : { total, fraction: total === 0 ? 1 : settled / total }),
      completed: this.#completed,
      failed: this.#failed,
      running,
      elapsed,
      rate: elapsed > 0 ? (settled / elapsed) * 1000 : 0,
      ...(remaining === undefined ? {} : { remaining }),
    });
  }
}
