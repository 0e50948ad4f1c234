import { from, of, range, take } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Executor, ExecutorClosedError } from '../../lib/executor.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { hangFor, sees, spin, spinStubbornly, work } from '../fixtures/faults.js';
import { pause, square, where } from '../fixtures/tasks.js';
import { sleep, timed, until, within } from '../support/deadline.js';
import { allGone, isAlive, run, start } from '../support/program.js';
import { errorOf, outcomeOf, rowsOf, type Subject, upTo, Watched } from './subject.js';

/** An executor holds what it needs for as long as it is needed, and nobody up. */
export function lifetime({ name, make, crosses, processes, remote = false }: Subject): void {
  const lifetime = suite(`${name}: lifetime`);
  const it = timed(lifetime);
  const squares = (executor: Executor) => rowsOf(range(0, 20).pipe(parallelMap(square, { executor })));

  it('an executor says how much runs at once', async () => {
    await using one = make({ workers: 1 });
    await using two = make({ workers: 2 });
    assert.equal([one.parallelism, two.parallelism], [1, 2]);
    assert.ok(one.chunkPolicy && one.chunkPolicy.timeSlice > 0 && one.chunkPolicy.maxInputs >= 1);
  });

  it('an executor ends by close() before any run', async () => {
    const executor = make({ workers: 1 });
    await within(1, executor.close());
    const error = await errorOf(range(0, 3).pipe(parallelMap(square, { executor })));
    assert.instance(error, ExecutorClosedError);
    assert.match(error.message, /the executor is closed/);
    await within(1, executor.close());
  });

  it('an executor ends by close() after a run, more than once', async () => {
    const executor = make({ workers: 2 });
    assert.is((await squares(executor)).length, 20);
    await within(5, Promise.all([executor.close(), executor.close()]));
    await executor.close();
    assert.instance(await errorOf(range(0, 3).pipe(parallelMap(square, { executor }))), ExecutorClosedError);
    assert.instance(await errorOf(range(0, 3).pipe(parallelMap(square, { executor }))), ExecutorClosedError);
  });

  it('an executor ends by close() during a run, which ends with an error', async () => {
    const executor = make({ workers: 2 });
    const watched = new Watched(executor);
    const outcome = outcomeOf(
      from(new Array<number>(500).fill(10)).pipe(parallelMap(pause, { executor: watched, chunk: 1 })),
    );
    await until(() => watched.chunks.length > 4);
    await within(5, executor.close());
    const { rows, error } = await within(5, outcome);
    assert.instance(error, ExecutorClosedError);
    assert.ok(rows.length < 500);
  });

  it('an executor ends by close() during a task that never settles', async () => {
    const executor = make({ workers: 1 });
    const watched = new Watched(executor);
    const outcome = outcomeOf(
      range(0, 3).pipe(parallelMap(hangFor, { kwargs: { bad: 0 }, executor: watched })),
    );
    await until(() => watched.running === 1);
    await within(5, executor.close());
    assert.instance((await within(1, outcome)).error, ExecutorClosedError);
  });

  it('an executor ends with its block', async () => {
    let kept: Executor;
    {
      await using executor = make({ workers: 1 });
      kept = executor;
      assert.is((await squares(executor)).length, 20);
    }
    assert.instance(
      await errorOf(range(0, 3).pipe(parallelMap(square, { executor: kept }))),
      ExecutorClosedError,
    );
  });

  it('an executor is told when a run is over, however it ends', async () => {
    await using executor = make({ workers: 1 });
    const watched = new Watched(executor);
    await squares(watched);
    assert.is(watched.forgotten.length, 1);
    await rowsOf(range(0, 20).pipe(parallelMap(square, { executor: watched }), take(1)));
    assert.is(watched.forgotten.length, 2);
    await errorOf(
      range(0, 3).pipe(
        parallelMap(
          () => {
            throw 1;
          },
          { executor: watched },
        ),
      ),
    );
    assert.is(watched.forgotten.length, 3);
    assert.is(new Set(watched.forgotten).size, 3);
    assert.is((await squares(executor)).length, 20);
  });

  it('an executor outlives thousands of runs', async () => {
    await using executor = make({ workers: 1 });
    for (let i = 0; i < 500; i++)
      assert.equal(await rowsOf(range(i, 2).pipe(parallelMap(x => x, { executor }))), [i, i + 1]);
    for (let i = 0; i < 300; i++)
      range(0, 5).pipe(parallelMap(square, { executor })).subscribe().unsubscribe();
    assert.is((await squares(executor)).length, 20);
  });

  it('an executor lets a run keep the program alive to its end, and keeps it no longer itself', async () => {
    const [ran, awaited, again] = await Promise.all([
      run('lifetime', [name, 'run']),
      run('lifetime', [name, 'await']),
      run('lifetime', [name, 'again']),
    ]);
    assert.equal([ran.code, ran.stdout.trim(), ran.stderr], [0, `rows: ${new Array(6).fill(50)}`, '']);
    assert.equal([awaited.code, awaited.stdout.trim(), awaited.stderr], [0, 'rows: 0,1,4', '']);
    assert.equal([again.code, again.stdout.trim(), again.stderr], [0, 'rows: 0,1,4', '']);
    for (const { elapsed } of [ran, awaited, again]) assert.ok(elapsed < 4_000, `it lived for ${elapsed} ms`);
  });

  it('an executor keeps no program alive that never runs anything, or that closes', async () => {
    const [idle, closed] = await Promise.all([
      run('lifetime', [name, 'nothing']),
      run('lifetime', [name, 'close']),
    ]);
    assert.equal([idle.code, idle.stdout.trim(), idle.stderr], [0, 'nothing', '']);
    assert.equal([closed.code, closed.stdout.trim(), closed.stderr], [0, 'closed', '']);
  });

  it('an executor lets what tasks write come out', async () => {
    if (remote) return;
    const { code, stdout, stderr } = await run('lifetime', [name, 'talk']);
    assert.is(code, 0);
    assert.equal(
      stdout.trim().split('\n').sort(),
      upTo(3).map(x => `task ${x} speaks`),
    );
    assert.equal(
      stderr.trim().split('\n').sort(),
      upTo(3).map(x => `task ${x} warns`),
    );
  });

  if (crosses && !remote) {
    it('an executor keeps the program alive until close() has resolved, whatever a task has its worker ignore', async () => {
      const { code, stdout } = await run('lifetime', [name, 'trap and close']);
      assert.equal([code, stdout.trim()], [0, 'closed']);
    });

    it('an executor lets what a failing task has printed come out before close()', async () => {
      const { code, stdout } = await run('lifetime', [name, 'talk, fail and close']);
      assert.is(code, 0);
      assert.equal(
        stdout.trim().split('\n'),
        Array.from({ length: 200 }, (_, i) => `line ${i + 1}`),
      );
    });

    if (process.platform !== 'win32')
      it('leaves signals to the program, which may have what runs end', async () => {
        const program = start('lifetime', [name, 'handle signals']);
        await until(() => program.stdout().includes('ready'));
        for (const signal of ['SIGINT', 'SIGHUP', 'SIGTERM'] as const) {
          process.kill(-program.pid, signal);
          await until(() => program.stdout().includes(signal));
        }
        const { code, stdout } = await program.ended;
        assert.is(code, 0);
        assert.match(stdout, 'rows: 700,700');
      });

    if (processes)
      it('gives tasks a standard input that is at its end', async () => {
        await using executor = make({ workers: 1 });
        const readInput = async () => (await import('node:fs')).readFileSync(0).length;
        assert.equal(await within(5, rowsOf(of(1).pipe(parallelMap(readInput, { executor })))), [0]);
      });
  }

  it('an executor lets an error that nobody listens to end the program', async () => {
    const { code, stderr } = await run('lifetime', [name, 'fail unseen']);
    assert.is(code, 1);
    assert.match(stderr, /the task failed for input (\d) \(index \1\): Error: for nobody/);
  });

  if (!crosses) {
    lifetime.run();
    return;
  }

  it('an executor ends workers that are idle for long, and starts new ones', async () => {
    await using executor = make({ workers: 1, idleTimeout: 40 });
    const place = async () => (await rowsOf(range(0, 1).pipe(parallelMap(where, { executor }))))[0] as string;
    const first = await place();
    assert.is(await place(), first, 'the same worker again');
    if (processes) await until(() => !isAlive(Number.parseInt(first, 10)));
    else await sleep(200);
    assert.is.not(await place(), first);
  });

  it('an executor keeps the worker of a run that is cancelled among quick tasks', async () => {
    await using executor = make({ workers: 1 });
    const place = async () => (await rowsOf(range(0, 1).pipe(parallelMap(where, { executor }))))[0] as string;
    const places = new Set([await place()]);
    const quick = sweep(new Array<number>(10_000).fill(0.05));
    for (let i = 0; i < 10; i++) {
      await rowsOf(quick.pipe(parallelMap(work, { executor, chunk: 10_000 }), take(1)));
      places.add(await place());
    }
    assert.ok(places.size <= 4, `${places.size - 1} of 10 times it was another one`);
  });

  if (processes)
    it('an executor starts no worker in the place of one that has not stopped', async () => {
      await using executor = make({ workers: 1 });
      const [place] = await rowsOf(range(0, 1).pipe(parallelMap(where, { executor })));
      const pid = Number.parseInt(place as string, 10);
      const subscription = range(0, 1).pipe(parallelMap(spinStubbornly, { executor })).subscribe();
      await sleep(50);
      subscription.unsubscribe();
      assert.equal(await rowsOf(of(process.pid, pid).pipe(parallelMap(sees, { executor }))), [true, false]);
    });

  it('an executor does not wait for tasks that never end when it closes', async () => {
    const executor = make({ workers: 2 });
    const watched = new Watched(executor);
    const outcome = outcomeOf(range(0, 10).pipe(parallelMap(spin, { executor: watched, chunk: 1 })));
    await until(() => watched.running === 2);
    await sleep(50);
    await within(3, executor.close());
    assert.instance((await outcome).error, ExecutorClosedError);
  });

  it('an executor does not keep a program from ending whose tasks never do', async () => {
    const [unsubscribed, exited] = await Promise.all([
      run('lifetime', [name, 'unsubscribe']),
      run('lifetime', [name, 'exit']),
    ]);
    assert.equal(
      [unsubscribed.code, unsubscribed.stdout.trim(), unsubscribed.stderr],
      [0, 'unsubscribed', ''],
    );
    assert.ok(unsubscribed.elapsed < 3_000);
    assert.is(exited.code, 5);
  });

  if (process.platform !== 'win32' && !remote)
    for (const deed of processes ? ['spin', 'work'] : ['spin'])
      for (const to of ['the program', 'its terminal'])
        it(`ends at an interrupt to ${to} with all workers (${deed})`, async () => {
          const program = start('lifetime', [name, deed]);
          await until(() => program.stdout().includes(']'));
          const workers = JSON.parse(program.stdout()) as number[];
          assert.is(workers.length, processes ? 2 : 1);
          const at = performance.now();
          process.kill(to === 'the program' ? program.pid : -program.pid, 'SIGINT');
          const { code, signal } = await program.ended;
          assert.equal([code, signal], [null, 'SIGINT']);
          assert.ok(performance.now() - at < 1_000);
          assert.ok(await allGone(workers, 3), 'no orphans are left');
        });

  lifetime.run();
}
