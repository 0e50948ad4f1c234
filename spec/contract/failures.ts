import { deepStrictEqual } from 'node:assert';
import { writeFileSync } from 'node:fs';
import { findSourceMap } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { from, of, range } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MapError, TaskError, TaskTimeoutError, WorkerCrashError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import { sweep } from '../../lib/sources/sweep.js';
import { task } from '../../lib/task/task.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled, type SettledRow } from '../../operators/parallelMapSettled.js';
import {
  abortFor,
  disconnectFor,
  exitAfterwards,
  exitFor,
  exitLaterFor,
  hangFor,
  killFor,
  leaveBehind,
  movePort,
  raise,
  reject,
  type SolverError,
  sendAside,
  spin,
  spinFor,
  throwBeside,
  thrown,
} from '../fixtures/faults.js';
import { dieOnce, pause, square, where } from '../fixtures/tasks.js';
import { sleep, timed, until, within } from '../support/deadline.js';
import { run } from '../support/program.js';
import {
  errorOf,
  inFolder,
  outcomeOf,
  rowsOf,
  type Subject,
  upTo,
  Watched,
  warningsDuring,
} from './subject.js';

/** A line of this file in a stack, as stacks have it; 0 where there is none. */
function lineIn(stack: string | undefined): number {
  const [, url = '', line = 0, column = 1] =
    /(file:[^\s()]*contract\/failures\.[jt]s):(\d+):(\d+)/.exec(stack ?? '') ?? [];
  // Under a coverage tool there are source maps, which Node does not apply to the frames of this file by itself.
  const entry = url.endsWith('.js') ? findSourceMap(url)?.findEntry(+line - 1, +column - 1) : undefined;
  return entry && 'originalLine' in entry ? Number(entry.originalLine) + 1 : +line;
}

/** The line from which it is called. */
const lineHere = (): number => lineIn(new Error().stack?.split('\n').slice(2).join('\n'));

/** The frames of a stack that are the library's own. */
const framesOfOurs = (stack: string | undefined): string[] =>
  (stack ?? '').split('\n').filter(line => /\/(lib|operators)\/[^:]*\.[jt]s:\d+/.test(line));

/** What must be the same about an error here and there. */
function compareErrors(found: unknown, expected: unknown, path = 'the error'): void {
  if (!(expected instanceof Error)) return deepStrictEqual(found, expected, path);
  assert.instance(found, Error, path);
  const error = found as Error;
  assert.equal([error.name, error.message], [expected.name, expected.message], path);
  for (const Base of [
    EvalError,
    RangeError,
    ReferenceError,
    SyntaxError,
    TypeError,
    URIError,
    AggregateError,
    DOMException,
  ])
    assert.is(error instanceof Base, expected instanceof Base, `${path} and ${Base.name}`);
  const names = Object.getOwnPropertyNames(expected).filter(name => name !== 'stack');
  assert.equal(Object.keys(error).sort(), Object.keys(expected).sort(), path);
  for (const name of names) {
    const value = (expected as unknown as Record<string, unknown>)[name];
    const there = (error as unknown as Record<string, unknown>)[name];
    if (name === 'errors')
      for (const [i, one] of (value as unknown[]).entries())
        compareErrors((there as unknown[])[i], one, `${path}.errors[${i}]`);
    else compareErrors(there, value, `${path}.${name}`);
  }
}

const statuses = (rows: readonly SettledRow<unknown, unknown>[]) =>
  rows.map(row => (row.status === 'fulfilled' ? 1 : 0));

/** Every row but one is there with its value, and that one failed; gives why. */
function onlyFailure<E extends TaskError>(rows: readonly SettledRow<number, number>[], bad: number): E {
  assert.equal(
    rows.map(row => [row.index, row.status === 'fulfilled' ? row.value : 'failed']),
    rows.map((_, i) => [i, i === bad ? 'failed' : i]),
  );
  const row = rows[bad];
  if (row?.status !== 'rejected') throw new Error('not reached');
  assert.equal([row.reason.index, row.reason.input], [bad, bad]);
  return row.reason as E;
}

/** A failing task, a dying worker and a task without end cost one input, and nobody else. */
export function failures({ name, make, crosses, processes }: Subject): void {
  const failures = suite(`${name}: failures`);
  const it = timed(failures);
  let executor: Executor;
  failures.before(() => {
    executor = make({ workers: 2 });
  });
  failures.after(() => executor.close());

  /** The executor works as if nothing had been. */
  const isWell = async () => {
    const rows = await within(5, rowsOf(range(0, 40).pipe(parallelMap(square, { executor, chunk: 5 }))));
    assert.equal(
      rows,
      upTo(40).map(x => x * x),
    );
  };

  it('failures show where the operator was called, and where the task threw, with few frames of ours', async () => {
    const before = lineHere();
    const operator = parallelMap(
      (x: number) => {
        if (x > 1) return x;
        throw new RangeError(`bad ${x}`);
      },
      { executor },
    );
    const after = lineHere();
    const error = await errorOf<TaskError>(of(1).pipe(operator));
    const settled = parallelMapSettled(raise, { executor });
    const behind = lineHere();
    for (const stack of [error.stack, (error.cause as Error).stack])
      assert.ok(before < lineIn(stack) && lineIn(stack) < after, stack);
    assert.match(
      error.stack ?? '',
      /^TaskError: the task failed for input 1 \(index 0\): RangeError: bad 1\n {4}at /,
    );
    assert.ok(framesOfOurs(error.stack).length <= 3, error.stack);
    if (crosses)
      assert.ok(framesOfOurs((error.cause as Error).stack).length <= 3, (error.cause as Error).stack);

    const [row] = await rowsOf(of('error').pipe(settled as never));
    const { reason } = row as unknown as { reason: TaskError };
    assert.ok(after < lineIn(reason.stack) && lineIn(reason.stack) < behind, reason.stack);
    // Errors of the run as a whole, and of a task that cannot be one.
    for (const run of [
      sweep([1, 2]).pipe(parallelMap(raise as (x: unknown) => unknown, { executor, failFast: false })),
      of(1).pipe(parallelMap(class {} as unknown as () => void, { executor })),
    ]) {
      const { stack } = await errorOf(run);
      assert.ok(lineIn(stack) > behind, stack);
      assert.ok(framesOfOurs(stack).length <= 3, stack);
    }
  });

  it('failures of async tasks, methods and causes show the file of the task as well', async () => {
    const before = lineHere();
    const tasks = {
      method(x: number) {
        throw new Error(`method ${x}`);
      },
      async later(x: number) {
        await Promise.resolve();
        throw new Error(`later ${x}`);
      },
      caused(x: number) {
        try {
          throw new Error(`inner ${x}`);
        } catch (cause) {
          throw new Error('outer', { cause });
        }
      },
    };
    const after = lineHere();
    for (const name of ['method', 'later', 'caused'] as const) {
      const { cause } = await errorOf<TaskError>(of(1).pipe(parallelMap(tasks[name], { executor })));
      for (let at = cause as Error | undefined; at; at = at.cause as Error | undefined)
        assert.ok(before < lineIn(at.stack) && lineIn(at.stack) < after, at.stack);
    }
  });

  it('failures of a task arrive as the cause, whatever was thrown and however', async () => {
    const names = Object.keys(thrown).filter(name => name !== 'cyclic' && name !== 'with a socket');
    for (const task of [raise, reject]) {
      const rows = await rowsOf(from(names).pipe(parallelMapSettled(task, { executor })));
      rows.forEach((row, i) => {
        if (row.status !== 'rejected') throw new Error('not reached');
        const { reason } = row;
        assert.is(reason.constructor, TaskError);
        assert.equal([reason.index, reason.input], [i, names[i]]);
        compareErrors(reason.cause, thrown[names[i]!]?.(), names[i]);
        assert.match(reason.message, `(index ${i})`);
      });
    }
  });

  it('failures that are Errors keep their stack, their class as far as it is built in, and what is on them', async () => {
    const error = await errorOf<TaskError>(of('subclass').pipe(parallelMap(raise, { executor })));
    const cause = error.cause as SolverError;
    assert.instance(cause, RangeError);
    assert.match(cause.stack ?? '', /^SolverError: no convergence\n {4}at .*faults\.js/s);
    assert.equal([cause.name, cause.code, cause.step.at], ['SolverError', 'ERR_SOLVER', 3]);
    deepStrictEqual(cause.step.last, Float64Array.of(1, 2));
    assert.instance(cause.cause, TypeError);
    assert.is((cause.cause as Error).cause, 'the text');
    assert.not(Object.keys(cause).includes('cause'));
    assert.match(error.message, /input "subclass" \(index 0\): SolverError: no convergence/);
  });

  it('failures of a result that is awaited are the task’s', async () => {
    const task = (how: string): unknown => {
      const broken = (): never => {
        throw new RangeError('then broke');
      };
      const twice = (resolve: (value: unknown) => void) => {
        resolve('first');
        resolve('second');
      };
      if (how === 'function') return Object.defineProperty(() => how, 'then', { value: twice });
      if (how === 'getter') return Object.defineProperty({}, 'then', { get: broken });
      if (how === 'nothing') return Promise.reject();
      return Object.defineProperty({}, 'then', { value: how === 'call' ? broken : twice });
    };
    const hows = ['call', 'twice', 'getter', 'twice', 'call', 'nothing', 'function'];
    for (const chunk of [1, 7]) {
      const rows = await rowsOf(sweep(hows).pipe(parallelMapSettled(task, { executor, chunk })));
      assert.equal(
        rows.map(row =>
          row.status === 'fulfilled'
            ? row.value
            : ((row.reason.cause as Error | undefined)?.message ?? 'nothing'),
        ),
        ['then broke', 'first', 'then broke', 'first', 'then broke', 'nothing', 'first'],
      );
    }
    await isWell();
  });

  it('failures that hold themselves arrive', async () => {
    const error = await errorOf<TaskError>(of('cyclic').pipe(parallelMap(raise, { executor })));
    const cause = error.cause as Error & { self: unknown; list: unknown[]; cause: Error };
    assert.is(cause.message, 'cyclic');
    assert.is(cause.self, cause);
    assert.is(cause.list[0], cause);
    assert.is(cause.cause.cause, cause);
    await isWell();
  });

  it('failures with something on them that cannot cross arrive without it', async () => {
    const error = await errorOf<TaskError>(of('with a socket').pipe(parallelMap(raise, { executor })));
    const cause = error.cause as Error & { socket: unknown; retry: unknown };
    assert.is(cause.message, 'refused');
    if (!crosses) return;
    assert.is(cause.socket, 'Socket {}');
    assert.match(String(cause.retry), /\[Function: retry\]/);
  });

  it('failures of hundreds of inputs are each their own', async () => {
    const task = (x: number) => {
      if (x % 2) throw new RangeError(`odd ${x}`);
      return x;
    };
    const { rows, error } = await outcomeOf(
      range(0, 1_000).pipe(parallelMap(task, { failFast: false, executor })),
    );
    assert.equal(
      rows,
      upTo(500).map(x => 2 * x),
    );
    assert.instance(error, MapError);
    (error as MapError).errors.forEach((one, i) => {
      assert.equal(
        [one.index, one.input, (one.cause as Error).message],
        [2 * i + 1, 2 * i + 1, `odd ${2 * i + 1}`],
      );
    });
    assert.is((error as MapError).errors.length, 500);
  });

  it('failures to settle in time cost an async task its row', async () => {
    for (const chunk of [1, 8]) {
      const start = performance.now();
      const rows = await rowsOf(
        range(0, 8).pipe(
          parallelMapSettled(hangFor, { kwargs: { bad: 3 }, taskTimeout: 150, chunk, executor }),
        ),
      );
      const error = onlyFailure<TaskTimeoutError>(rows, 3);
      assert.instance(error, TaskTimeoutError);
      assert.is(error.timeout, 150);
      assert.match(error.message, /input 3 \(index 3\) did not return within 150 ms.*taskTimeout/);
      assert.ok(performance.now() - start >= 145);
    }
    const { error } = await outcomeOf(
      range(0, 8).pipe(
        parallelMap(hangFor, { kwargs: { bad: 3 }, taskTimeout: 100, failFast: false, executor }),
      ),
    );
    assert.instance(error, MapError);
    await isWell();
  });

  it('failures to end in time end the run, where that has a timeout', async () => {
    const start = performance.now();
    const error = await errorOf<TaskTimeoutError>(
      range(0, 4).pipe(parallelMap(hangFor, { kwargs: { bad: 0 }, timeout: 120, executor })),
    );
    assert.instance(error, TaskTimeoutError);
    assert.equal([error.index, error.timeout], [undefined, 120]);
    assert.match(error.message, /the run did not end within 120 ms/);
    assert.ok(performance.now() - start < 1_000);
    assert.equal(
      await rowsOf(range(0, 4).pipe(parallelMap(square, { timeout: 5_000, executor }))),
      [0, 1, 4, 9],
    );
    await isWell();
  });

  it('failures of time are counted from a task’s own start', async () => {
    const waits = new Array<number>(12).fill(60);
    const rows = await rowsOf(
      from(waits).pipe(parallelMap(pause, { taskTimeout: 400, chunk: 12, concurrency: 1, executor })),
    );
    assert.equal(rows, waits);
  });

  if (!crosses) {
    failures.run();
    return;
  }

  it('failures of time are counted without the way to a worker, and without a module that loads long', async () => {
    await using one = make({ workers: 1 });
    const long = outcomeOf(from([150, 150, 150]).pipe(parallelMap(pause, { chunk: 1, executor: one })));
    await sleep(20);
    const rows = await rowsOf(from([5, 5]).pipe(parallelMap(pause, { taskTimeout: 100, executor: one })));
    assert.equal(rows, [5, 5]);
    assert.equal((await long).rows, [150, 150, 150]);
    await inFolder(async folder => {
      const file = join(folder, 'slow.mjs');
      writeFileSync(
        file,
        'await new Promise(resolve => setTimeout(resolve, 250)); export const f = x => x + 1;',
      );
      const slow = task({ url: pathToFileURL(file) }, 'f', (x: number) => x);
      assert.equal(
        await rowsOf(range(0, 3).pipe(parallelMap(slow, { taskTimeout: 100, executor: one }))),
        [1, 2, 3],
      );
    });
  });

  it('failures to listen in this thread are not the task’s', async () => {
    // Each row keeps this thread busy for longer than the timeout, while the workers go on.
    const rows: number[] = [];
    await new Promise<void>((resolve, reject) =>
      from(new Array<number>(6).fill(20))
        .pipe(parallelMap(pause, { taskTimeout: 120, chunk: 1, executor }))
        .subscribe({
          next: row => {
            rows.push(row);
            const end = performance.now() + 200;
            while (performance.now() < end);
          },
          error: reject,
          complete: resolve,
        }),
    );
    assert.is(rows.length, 6);
  });

  it('failures to return in time cost a sync task its row, and its worker', async () => {
    for (const chunk of [1, 8]) {
      const rows = await rowsOf(
        range(0, 8).pipe(
          parallelMapSettled(spinFor, { kwargs: { bad: 3 }, taskTimeout: 150, chunk, executor }),
        ),
      );
      assert.instance(onlyFailure(rows, 3), TaskTimeoutError);
    }
    await isWell();
    const error = await errorOf<TaskTimeoutError>(
      range(0, 8).pipe(parallelMap(spinFor, { kwargs: { bad: 0 }, taskTimeout: 100, executor })),
    );
    assert.instance(error, TaskTimeoutError);
    assert.is(error.index, 0);
    await isWell();
  });

  it('failures to return in time are tried again with retry', async () => {
    const start = performance.now();
    const rows = await rowsOf(
      range(0, 3).pipe(
        parallelMapSettled(spinFor, { kwargs: { bad: 1 }, taskTimeout: 100, retry: 2, executor }),
      ),
    );
    onlyFailure(rows, 1);
    assert.ok(performance.now() - start >= 295);
  });

  it('failures to return at all do not outlive an unsubscription', async () => {
    for (let time = 0; time < 2; time++) {
      const watched = new Watched(executor);
      const subscription = range(0, 10)
        .pipe(parallelMap(spin, { executor: watched, chunk: 1 }))
        .subscribe();
      await until(() => watched.running === 2);
      await sleep(60);
      subscription.unsubscribe();
      await isWell();
    }
    const error = await errorOf(range(0, 10).pipe(parallelMap(spin, { timeout: 150, executor })));
    assert.instance(error, TaskTimeoutError);
    await isWell();
  });

  it('failures of a worker that exits cost the input that does it, alone', async () => {
    for (const chunk of [20, 'auto'] as const) {
      const rows = await rowsOf(
        range(0, 30).pipe(parallelMapSettled(exitFor, { kwargs: { bad: 7, code: 3 }, chunk, executor })),
      );
      const error = onlyFailure<WorkerCrashError>(rows, 7);
      assert.instance(error, WorkerCrashError);
      assert.is(error.exitCode, 3);
      assert.match(error.message, /input 7 \(index 7\) ends its worker each time it runs \(exit code 3\)/);
    }
    const clean = await rowsOf(
      range(0, 3).pipe(parallelMapSettled(exitFor, { kwargs: { bad: 1, code: 0 }, executor })),
    );
    assert.is(onlyFailure<WorkerCrashError>(clean, 1).exitCode, 0);
    const later = await rowsOf(
      range(0, 6).pipe(parallelMapSettled(exitLaterFor, { kwargs: { bad: 2 }, chunk: 3, executor })),
    );
    assert.is(onlyFailure<WorkerCrashError>(later, 2).exitCode, 7);
    await isWell();
  });

  it('failures of workers end the run where it is to fail fast, and never earlier rows', async () => {
    const { rows, error } = await outcomeOf(
      range(0, 30).pipe(parallelMap(exitFor, { kwargs: { bad: 12, code: 1 }, executor, concurrency: 1 })),
    );
    assert.instance(error, WorkerCrashError);
    assert.equal(rows, upTo(12));
    await isWell();
  });

  it('failures of several inputs that end their workers cost just these', async () => {
    const task = (x: number) => (x % 5 === 2 ? process.exit(1) : x);
    const rows = await rowsOf(range(0, 10).pipe(parallelMapSettled(task, { executor, chunk: 5 })));
    assert.equal(
      statuses(rows),
      upTo(10).map(x => (x % 5 === 2 ? 0 : 1)),
    );
    await isWell();
  });

  it('failures of heaps cost the input that fills one', async () => {
    // In a program of its own: a child process that dies of it writes pages.
    const { code, stdout } = await run('lifetime', [name, 'fill']);
    assert.is(code, 0);
    const [rows, squares] = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    const [[errorName, index, reason, message]] = rows.splice(3, 1);
    assert.equal(rows, [0, 1, 2, 4, 5]);
    assert.equal([errorName, index], ['WorkerCrashError', 3]);
    assert.match(message, /resourceLimits/);
    if (!processes) assert.is(reason, 'out of memory');
    assert.equal(squares, [0, 1, 4]);
  });

  it('failures of heaps that an input fills as it is read cost that input', async () => {
    const { code, stdout } = await run('lifetime', [name, 'fill by input'], 40);
    assert.equal([code, stdout.trim()], [0, '[1,2,["WorkerCrashError",2],4,5]']);
  }, 45);

  if (!processes)
    it('failures of heaps for which nobody waits leave the program alone', async () => {
      const { code, stdout, stderr } = await run('lifetime', [name, 'fill unseen'], 20);
      assert.equal([code, stdout.trim().split('\n')], [0, new Array(4).fill('[0,1,4]')], stderr);
    }, 25);

  if (processes)
    it('failures of a child that is killed cost the input that does it', async () => {
      for (const signal of ['SIGKILL', 'SIGSEGV'] as const) {
        const rows = await rowsOf(
          range(0, 6).pipe(parallelMapSettled(killFor, { kwargs: { bad: 3, signal }, chunk: 6, executor })),
        );
        const error = onlyFailure<WorkerCrashError>(rows, 3);
        assert.instance(error, WorkerCrashError);
        assert.match(error.reason, signal);
        assert.is(error.exitCode, undefined);
      }
      await isWell();
    });

  if (processes)
    it('failures of native code that aborts cost the input that does it', async () => {
      const rows = await rowsOf(
        range(0, 6).pipe(parallelMapSettled(abortFor, { kwargs: { bad: 3 }, chunk: 6, executor })),
      );
      const error = onlyFailure<WorkerCrashError>(rows, 3);
      assert.instance(error, WorkerCrashError);
      assert.match(error.reason, 'SIGABRT');
      await isWell();
    });

  it('failures of a worker that ends while it has nothing to do are noticed by nobody', async () => {
    await using one = make({ workers: 1 });
    for (const ms of [1, 20]) {
      assert.equal(await rowsOf(of(ms).pipe(parallelMap(exitAfterwards, { executor: one }))), [ms]);
      await sleep(3 * ms + 60);
      assert.equal(await rowsOf(range(0, 4).pipe(parallelMap(square, { executor: one }))), [0, 1, 4, 9]);
    }
  });

  if (processes) {
    it('failures of a child that lets go of its parent cost the input that does it', async () => {
      const rows = await rowsOf(
        range(0, 6).pipe(parallelMapSettled(disconnectFor, { kwargs: { bad: 3 }, chunk: 6, executor })),
      );
      assert.instance(onlyFailure<WorkerCrashError>(rows, 3), WorkerCrashError);
      await isWell();
    });

    it('failures are not what a task sends its parent by itself', async () => {
      assert.equal(await rowsOf(range(0, 4).pipe(parallelMap(sendAside, { executor, chunk: 1 }))), upTo(4));
      await isWell();
    });

    it('failures of a child that is killed while it has nothing to do are noticed by nobody', async () => {
      const places = await rowsOf(range(0, 4).pipe(parallelMap(where, { executor, chunk: 1 })));
      for (const place of new Set(places)) process.kill(Number.parseInt(place, 10), 'SIGKILL');
      await isWell();
    });
  }

  it('failures of a worker that happen once are noticed by nobody', async () => {
    await inFolder(async folder => {
      const kwargs = { folder, deadly: [3, 17, 18, 25] };
      for (const [chunk, ordered] of [
        [10, true],
        [1, false],
      ] as const) {
        const rows = await rowsOf(
          range(0, 40).pipe(parallelMap(dieOnce, { kwargs, chunk, ordered, executor })),
        );
        assert.equal(ordered ? rows : rows.sort((a, b) => a - b), upTo(40));
        kwargs.deadly = [5, 30];
      }
    });
  });

  it('failures that a task left behind are warned of and blame no input', async () => {
    for (const how of ['throw', 'reject'] as const) {
      const [rows, warnings] = await warningsDuring('StrayErrorWarning', async () => {
        const rows = await rowsOf(
          from(['neither', how, 'neither', 'neither'] as const).pipe(
            parallelMap(leaveBehind, { executor, chunk: 1 }),
          ),
        );
        await sleep(30);
        await isWell();
        await sleep(30);
        return rows;
      });
      assert.equal(rows, ['neither', how, 'neither', 'neither']);
      assert.is(warnings.length, 1, how);
      assert.match(warnings[0]?.message ?? '', how === 'throw' ? /a stray exception/ : /a stray rejection/);
      assert.match(warnings[0]?.message ?? '', /faults\.js/);
    }
  });

  it('failures beside a pending task are that task’s', async () => {
    for (const chunk of [1, 4]) {
      const rows = await rowsOf(
        range(0, 8).pipe(parallelMapSettled(throwBeside, { kwargs: { bad: 2 }, chunk, executor })),
      );
      const error = onlyFailure<WorkerCrashError>(rows, 2);
      assert.instance(error, WorkerCrashError);
      const cause = error.cause as Error & { code: string };
      assert.instance(cause, RangeError);
      assert.equal([cause.message, cause.code], ['from beside', 'E_BESIDE']);
    }
    await isWell();
  });

  if (crosses)
    it('failures of a worker to send what a task returns keep nobody waiting', async () => {
      for (const chunk of [1, 4]) {
        const source = range(0, 4).pipe(parallelMapSettled(movePort, { executor, chunk, concurrency: 1 }));
        const rows = await within(20, rowsOf(source));
        assert.equal(
          rows.map(({ index }) => index),
          [0, 1, 2, 3],
        );
        for (const row of rows)
          if (row.status === 'rejected') assert.instance(row.reason, TaskError);
          else assert.is(row.value.x, row.index);
      }
      await isWell();
    });

  failures.run();
}
