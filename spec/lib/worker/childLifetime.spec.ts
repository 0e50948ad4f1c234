import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import { sleep, until } from '../../support/deadline.js';

/** Living processes that were told that this one is their parent. */
function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(child => {
      try {
        const told = readFileSync(`/proc/${child}/environ`, 'utf8')
          .split('\0')
          .includes(`RX_PARFOR_PARENT=${pid}`);
        return told && !/^State:\s+Z/m.test(readFileSync(`/proc/${child}/status`, 'utf8'));
      } catch {
        return false;
      }
    });
}

// Children that are still starting when their parent is killed are the hard case: they never see it alive.
test('no child outlives a parent that is killed at any time, though its task never returns', async () => {
  if (process.platform !== 'linux') return;
  const program = `
    import { range } from ${JSON.stringify(import.meta.resolve('rxjs'))};
    import { parallelMap, processes } from ${JSON.stringify(new URL('../../../index.js', import.meta.url).href)};
    range(0, 4).pipe(parallelMap(() => { for (;;); }, { executor: processes({ maxThreads: 2 }) })).subscribe();`;
  const parents: number[] = [];
  for (const life of [60, 120, 180, 240, undefined]) {
    const parent = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' });
    const pid = parent.pid as number;
    parents.push(pid);
    if (life === undefined) await until(() => childrenOf(pid).length === 2, 20);
    else await sleep(life);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
  }
  await until(() => parents.every(pid => childrenOf(pid).length === 0), 10);
});

test.run();
