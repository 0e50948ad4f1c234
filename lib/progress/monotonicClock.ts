import type { SchedulerLike } from 'rxjs';
import { now } from '../runtime/clock.js';

/**
 * Returns a clock that is never set back or forward, in place of a scheduler that tells the computer's time; the clock of
 * any other scheduler, such as one of virtual time, is kept. RxJS offers no way to ask but to compare with `Date`.
 */
export function monotonicClock(scheduler: SchedulerLike): () => number {
  const before = Date.now();
  const told = scheduler.now();
  return before <= told && told <= Date.now() ? now : () => scheduler.now();
}
