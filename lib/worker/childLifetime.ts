import { Worker } from 'node:worker_threads';

/** The time between two looks at the parent. */
const LOOK_EVERY_MS = 500;

/** The signals that a terminal sends to all its processes, and a service manager to all of its service. */
const SIGNALS = ['SIGINT', 'SIGHUP', 'SIGTERM'] as const;

/** Returns the program of a thread that ends this process once the parent is gone. */
const programOf = (parent: number): string => `
const parent = ${parent};
setInterval(() => {
  let gone = process.ppid !== parent;
  try { process.kill(parent, 0); } catch { gone = true; }
  if (gone) process.kill(process.pid, 'SIGKILL');
}, ${LOOK_EVERY_MS});`;

/**
 * Ends this process soon after its parent, however that ended.
 *
 * A child whose task never returns does not notice that its channel is closed; a thread of its own does.
 * @param parent the parent's process id, as the parent told it: it may be gone before this is called
 */
export function endWithParent(parent: number): void {
  const watcher = new Worker(programOf(parent), { eval: true, stdout: false, stderr: false, execArgv: [] });
  watcher.unref();
}

/**
 * Leaves the signals that end a program to the parent: it may want to finish what runs, and ends this process with itself
 * otherwise.
 */
export function leaveSignalsToParent(): void {
  for (const signal of SIGNALS) process.on(signal, () => undefined);
}
