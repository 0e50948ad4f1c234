import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

/**
 * Milliseconds that the main thread has computed so far.
 *
 * On Linux that is its time on a core, of which the scheduler keeps count; elsewhere the time that its event loop was
 * busy, which includes what it waited for a core.
 */
export function mainThreadTime(): number {
  try {
    const [nanoseconds] = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ');
    return Number(nanoseconds) / 1e6;
  } catch {
    return performance.eventLoopUtilization().active;
  }
}

/** Milliseconds that the main thread computes until the promise that `start` gives is resolved. */
export async function mainThreadTimeOf(start: () => PromiseLike<unknown>): Promise<number> {
  const before = mainThreadTime();
  await start();
  return mainThreadTime() - before;
}
