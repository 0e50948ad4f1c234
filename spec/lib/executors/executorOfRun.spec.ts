import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { lastValueFrom, of } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parallelMap, processes, task, threads } from '../../../index.js';
import { inWorker } from '../../../lib/task/inWorker.js';
import { inFolder } from '../../contract/subject.js';
import { timed } from '../../support/deadline.js';
import { run } from '../../support/program.js';

const places = suite('runs that workers start');
const it = timed(places);

const kinds = ['default', 'threads', 'processes'];

/** Runs the program whose own file exports its task. */
const runMain = (kind: string, how: string) =>
  run('taskInMain', [], 30, { RX_PARFOR_SPEC_MAIN: `${kind} ${how}` });

const resultsOf = (stdout: string): string[] => stdout.match(/^result .*$/gm) ?? [];

for (const how of ['awaited', 'unhandled', 'exits', 'subscribed'])
  it(`a program whose own file exports its task is told what to do, and runs in no worker: ${how}`, async () => {
    for (const kind of kinds) {
      const { code, stdout, stderr } = await runMain(kind, how);
      assert.equal(resultsOf(stdout), [], kind);
      assert.is(code, 1, kind);
      assert.match(stderr, /the module file:.*taskInMain\.js starts a run as it is loaded/, kind);
      assert.match(
        stderr,
        /put the task into a module of its own, or start the run only `if \(!inWorker\)`/,
        kind,
      );
    }
  });

for (const how of ['swallowed', 'hangs'])
  it(`a module that hides that a run of its was refused is not taken for loaded: ${how}`, async () => {
    for (const kind of kinds) {
      const { stdout, elapsed } = await runMain(kind, how);
      assert.equal(resultsOf(stdout), [], kind);
      assert.ok(elapsed < 25_000, kind);
    }
  });

it('a run that a module starts later than it is loaded does not run in its workers', async () => {
  for (const kind of kinds) {
    const { code, stdout, stderr } = await runMain(kind, 'late');
    const results = resultsOf(stdout);
    if (code === 0) assert.equal(results, ['result [0,1,4]'], kind);
    else {
      assert.equal(results, [], kind);
      assert.match(stderr, /inWorker/, kind);
    }
  }
});

it('a program that asks inWorker before it runs exports its task from its own file', async () => {
  for (const kind of kinds) {
    const { code, stdout, stderr } = await runMain(kind, 'guarded');
    assert.equal([code, stdout.trim(), stderr], [0, 'result [0,1,4]', ''], kind);
  }
  assert.is(inWorker, false, 'which is false here');
});

it('tasks may start workers of their own, and those may not', async () => {
  for (const kind of kinds) {
    const { stdout } = await runMain(kind, 'nested');
    const [result = ''] = resultsOf(stdout);
    // The first input needs one worker of a worker, the second one a worker of that.
    assert.match(
      result,
      /a worker that was started by a worker was to start workers; within tasks leave `executor` out/,
      kind,
    );
  }
});

it('a module that starts a run as it is loaded does no harm to others that load at that moment', () =>
  inFolder(async folder => {
    const index = new URL('../../../index.js', import.meta.url);
    const moduleOf = (name: string, code: string): string => {
      const file = join(folder, `${name}.mjs`);
      writeFileSync(file, `import { linspace, parallelMap } from '${index}'; ${code}`);
      return pathToFileURL(file).href;
    };
    const later = 'await new Promise(resolve => setTimeout(resolve, 300));';
    const run = 'linspace(0, 1, 2).pipe(parallelMap(String)).subscribe({ error() {} });';
    const functionOf = (url: string) => task({ url }, 'f', (x: number) => x);
    const slow = functionOf(moduleOf('slow', `${later} export const f = x => x + 1;`));
    const starting = functionOf(moduleOf('starting', `export const f = x => x + 2; ${run}`));
    const other = functionOf(moduleOf('other', `${later} export const f = x => x + 3;`));
    const callAll = (calls: readonly (typeof slow)[]) => calls.map(f => f(0));
    for (const executor of [threads({ maxThreads: 1 }), processes({ maxThreads: 1 })]) {
      const all = (...functions: (typeof slow)[]) =>
        lastValueFrom(of(functions).pipe(parallelMap(callAll, { executor })));
      const refused = await all(slow, starting, other).catch(error => error);
      assert.match(refused.message, /starting\.mjs starts a run as it is loaded/);
      assert.equal(await all(slow, other), [1, 3]);
      await executor.close();
    }
  }));

it('a module that imports the operators without waiting for them starts no run in its worker', () =>
  inFolder(async folder => {
    const file = join(folder, 'floating.mjs');
    const index = new URL('../../../index.js', import.meta.url);
    writeFileSync(
      file,
      `let outcome;
      import('${index}').then(({ linspace, parallelMap }) =>
        linspace(0, 1, 2).pipe(parallelMap(String)).subscribe({
          error: ({ name }) => { outcome = name; },
          complete: () => { outcome = 'it ran'; },
        }));
      export const f = async () => {
        while (!outcome) await new Promise(resolve => setTimeout(resolve, 10));
        return outcome;
      };`,
    );
    const outcome = task({ url: pathToFileURL(file).href }, 'f', async (_: number) => '');
    for (const executor of [threads({ maxThreads: 1 }), processes({ maxThreads: 1 })]) {
      assert.is(await lastValueFrom(of(1).pipe(parallelMap(outcome, { executor }))), 'RunInWorkerError');
      await executor.close();
    }
  }));

places.run();
