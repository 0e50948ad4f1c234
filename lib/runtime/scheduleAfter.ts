import { asyncScheduler, type SchedulerLike, Subscription } from 'rxjs';
import { MAX_TIMER_MS } from './clock.js';

/** Runs an action after so many milliseconds of RxJS's clock, also where that is longer than a timer takes. */
export function scheduleAfter(
  delay: number,
  action: () => void,
  clock: SchedulerLike = asyncScheduler,
): Subscription {
  const timer = new Subscription();
  const wait = (left: number): void => {
    const step = Math.min(left, MAX_TIMER_MS);
    timer.add(clock.schedule(() => (left > step ? wait(left - step) : action()), step));
  };
  wait(delay);
  return timer;
}
