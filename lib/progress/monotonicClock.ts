import type { SchedulerLike } from 'rxjs';
import { now } from '../runtime/clock.js';

/**
 * Returns a clock that goes on where the computer's is set back or forward; in virtual time it is the scheduler's own.
 * RxJS tells no other time than that of `Date`: a scheduler that agrees with it is replaced, any other one is not.
 */
export function monotonicClock(scheduler: SchedulerLike): () => number {
  const before = Date.now();
  const told = scheduler.now();
  return before <= told && told <= Date.now() ? now : () => scheduler.now();
}
