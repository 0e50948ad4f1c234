import { clearTimeout, setTimeout } from 'node:timers';
import { MAX_TIMER_MS } from './clock.js';

/** A timer that can be stopped. */
export interface Timer {
  stop(): void;
}

/**
 * Calls back after so many milliseconds, however many.
 * @param options.unref lets the process end before that
 */
export function startTimer(
  callback: () => void,
  delay: number,
  options: { readonly unref?: boolean } = {},
): Timer {
  let timer: NodeJS.Timeout;
  const wait = (left: number): void => {
    const step = Math.min(left, MAX_TIMER_MS);
    timer = setTimeout(() => (left > step ? wait(left - step) : callback()), step);
    if (options.unref) timer.unref();
  };
  wait(delay);
  return { stop: () => clearTimeout(timer) };
}
