import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inWorker } from '../../../lib/task/inWorker.js';
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

places.run();
