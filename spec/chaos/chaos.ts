import { lastValueFrom, map, range, take, timer, toArray } from 'rxjs';
import { type Executor, parallelMap, processes, threads } from '../../index.js';
import { childProcesses } from '../support/childProcesses.js';

/** What the workers are to do: some arithmetic, and to die when the order in shared memory says so. */
const simulate = (x: number, order?: Int32Array) => {
  if (order && Atomics.compareExchange(order, 0, 1, 0) === 1) process.exit(1);
  let sum = x;
  for (let i = 0; i < 2000; i++) sum = (sum * 1103515245 + 12345) % 2147483648;
  return [x, sum];
};

function killOneChild(): void {
  const pids = childProcesses();
  const pid = pids[Math.floor(Math.random() * pids.length)];
  try {
    if (pid) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended since.
  }
}

/** Sweeps for so many ms while workers are killed at random; gives the number of rows and of kills. */
async function sweepUnderFire(
  executor: Executor,
  milliseconds: number,
  order: Int32Array | undefined,
  kill: () => void,
): Promise<{ rows: number; kills: number }> {
  const count = 4_000;
  const expected = await lastValueFrom(
    range(0, count).pipe(
      map(x => simulate(x)),
      toArray(),
    ),
  );
  let rows = 0;
  let kills = 0;
  let timeout: NodeJS.Timeout;
  const strike = () => {
    kill();
    kills += 1;
    // Not faster than workers start: what one begins with each time would be held to be the cause.
    timeout = setTimeout(strike, 150 + Math.random() * 200);
  };
  timeout = setTimeout(strike, 100);
  try {
    for (const end = performance.now() + milliseconds; performance.now() < end; ) {
      const got = await lastValueFrom(
        range(0, count).pipe(parallelMap(simulate, { executor, ...(order && { args: [order] }) }), toArray()),
      );
      if (got.length !== count) throw new Error(`${got.length} rows of ${count} inputs`);
      got.forEach((row, i) => {
        if (row[0] !== i || row[1] !== expected[i]?.[1])
          throw new Error(`row ${i} is [${row}], not [${expected[i]}]`);
      });
      rows += count;
    }
  } finally {
    clearTimeout(timeout);
  }
  return { rows, kills };
}

/** The sweep on threads, ended from inside, and on processes, killed from outside. */
export async function chaos(milliseconds: number): Promise<Record<string, { rows: number; kills: number }>> {
  const order = new Int32Array(new SharedArrayBuffer(4));
  const onThreads = threads({ maxThreads: 2 });
  const onProcesses = processes({ maxThreads: 2 });
  try {
    return {
      threads: await sweepUnderFire(onThreads, milliseconds, order, () => Atomics.store(order, 0, 1)),
      processes: await sweepUnderFire(onProcesses, milliseconds, undefined, killOneChild),
    };
  } finally {
    await Promise.all([onThreads.close(), onProcesses.close()]);
    await lastValueFrom(timer(50).pipe(take(1)));
  }
}
