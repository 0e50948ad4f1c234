import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** `--quick`: small sizes and few rounds, to see that every bench works. Its figures say little. */
export const quick = process.argv.includes('--quick');

/** Workers of every candidate, wherever a bench does not vary them: those that the targets are set for. */
export const workers = 2;

/**
 * Tasks that are with a peer at a time: `mergeMap(x => pool.run(x), inFlight)`. With one per worker a worker waits for
 * the main thread after every task; from 8 on no peer gets faster.
 */
export const inFlight = 16;

/** How often each candidate is measured, and its median taken. */
export const rounds = quick ? 1 : 5;

/** The folder of the sources of the benches, where their results are written. */
export const benchFolder: string = (() => {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return join(folder, 'bench');
})();
