import { availableParallelism, cpus } from 'node:os';

/** Milliseconds that all cores together have computed, for any process. */
const machineTime = (): number =>
  cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);

/** Milliseconds that this process has computed. */
function ownTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/** The system counts a core's time in steps of 10 ms: less than these is not told from none. */
const RESOLUTION = 20;

/** Other processes may take this part of the machine. */
const BEARABLE = 0.05;

/** Notes what the machine does from now on; the answer says whether other processes disturbed this one meanwhile. */
export function watchOtherWork(): () => boolean {
  const since = performance.now();
  const before = machineTime() - ownTime();
  return () => {
    const others = machineTime() - ownTime() - before;
    return others > RESOLUTION + BEARABLE * availableParallelism() * (performance.now() - since);
  };
}
