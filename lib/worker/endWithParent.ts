import { Worker } from 'node:worker_threads';

/** How often the parent is looked for, in ms. */
const INTERVAL = 500;

const watch = (parent: number) => `
const parent = ${parent};
setInterval(() => {
  let gone = process.ppid !== parent;
  try { process.kill(parent, 0); } catch { gone = true; }
  if (gone) process.kill(process.pid, 'SIGKILL');
}, ${INTERVAL});`;

/**
 * Ends this process soon after its parent, however that ended.
 *
 * A child whose task never returns does not notice that its channel is closed; a thread of its own does.
 * @param parent the parent's process id, as the parent told it: it may be gone before this is called
 */
export function endWithParent(parent: number): void {
  const watcher = new Worker(watch(parent), { eval: true, stdout: false, stderr: false, execArgv: [] });
  watcher.unref();
}
