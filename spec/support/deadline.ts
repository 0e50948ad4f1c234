import { AssertionError } from 'node:assert';
import type { Callback, Test } from 'uvu';
import { within } from '../../lib/testing/within.js';

export { within };

/** Adds tests to a suite, each with a deadline of its own. */
export function timed<C>(
  suite: Test<C>,
  seconds = 15,
): (name: string, run: Callback<C>, seconds?: number) => void {
  return (name, run, limit = seconds) =>
    suite(name, async context => {
      try {
        await within(limit, Promise.resolve(run(context)));
      } catch (error) {
        throw plain(error);
      }
    });
}

/**
 * An assertion of Node's without the values that it compared: uvu would compare them anew for its report, and where it
 * cannot (cycles, bigints), it passes over the whole suite without a word.
 */
function plain(error: unknown): unknown {
  if (!(error instanceof AssertionError)) return error;
  const message = error.message.slice(0, 1_500);
  const frames = (error.stack ?? '').split('\n').filter(line => /^ {4}at .*spec/.test(line));
  return Object.assign(new Error(message), { stack: [`Error: ${message}`, ...frames.slice(-3)].join('\n') });
}

/** Resolves after so many ms. */
export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms));

/** Resolves as soon as `is` gives true, and fails after so many seconds. */
export async function until(is: () => boolean, seconds = 5): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!is()) {
    if (performance.now() > end) throw new Error(`it did not come true within ${seconds} s`);
    await sleep(5);
  }
}
