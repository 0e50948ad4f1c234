import { asyncScheduler, Subscription } from 'rxjs';
import { Fifo } from '../queues/fifo.js';
import { scheduleAfter } from '../runtime/scheduleAfter.js';
import type { Segment } from './segment.js';

/**
 * Failed inputs that wait for their next try.
 *
 * The delay is the same for all, so they become due in the order in which they failed and one timer serves them: a
 * timer for each would cost the square of their number when they end.
 */
export class DelayedRetries {
  /** Inputs that wait. */
  length = 0;
  readonly #batches = new Fifo<{ readonly due: number; readonly segments: readonly Segment[] }>();
  #timer = Subscription.EMPTY;

  /**
   * @param delay milliseconds that each waits
   * @param onDue is given inputs whose time has come, the first that failed first
   */
  constructor(
    private readonly delay: number,
    private readonly onDue: (segments: readonly Segment[]) => void,
  ) {}

  /** Takes in what has failed together. */
  add(segments: readonly Segment[]): void {
    this.length += segments.length;
    this.#batches.push({ due: asyncScheduler.now() + this.delay, segments });
    if (this.#timer.closed) this.#wait(this.delay);
  }

  stop(): void {
    this.#timer.unsubscribe();
    this.#batches.clear();
    this.length = 0;
  }

  #wait(delay: number): void {
    this.#timer = scheduleAfter(delay, () => this.#wake());
  }

  #wake(): void {
    const now = asyncScheduler.now();
    const due: Segment[] = [];
    // The first has waited for its timer, whatever the clock says: it may stand still, or have been set back.
    do for (const segment of this.#batches.shift()?.segments ?? []) due.push(segment);
    while (this.#batches.first && this.#batches.first.due <= now);
    this.length -= due.length;
    this.#timer.unsubscribe();
    if (this.#batches.first) {
      const left = this.#batches.first.due - now;
      this.#wait(Math.min(Math.max(0, left), this.delay));
    }
    if (due.length > 0) this.onDue(due);
  }
}
