import assert from 'node:assert/strict';
import {
  concatMap,
  from,
  lastValueFrom,
  NEVER,
  Observable,
  of,
  range,
  take,
  throwError,
  timer,
  toArray,
} from 'rxjs';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { parfor } from '../../operators/parfor.js';
import { MapError, TaskError, TaskTimeoutError } from '../errors.js';
import { type Chunk, type Executor, ExecutorClosedError, type Run } from '../executor.js';
import type { MapOptions } from '../options/mapOptions.js';
import { sweep } from '../sources/sweep.js';
import { randomOf } from './randomOf.js';
import { within } from './within.js';

/** Adds a test to a runner: `test` of `node:test`, uvu, vitest, jest and others. */
export type TestFunction = (title: string, body: () => Promise<void>) => unknown;

/** The executor whose promises are tested. */
export interface ExecutorUnderTest {
  /** Its name, for the titles of the tests. */
  readonly name: string;
  /** Makes an executor that can run at least two chunks at once; each test closes its own. */
  readonly make: () => Executor;
  /** Promises that it does not make. Default: none. */
  readonly without?: readonly 'taskTimeout'[];
  /** Seconds that each test may take. Default: 20. */
  readonly seconds?: number;
}

type Options = MapOptions<[], never> & { spread?: false };

const rowsOf = <T>(run: Observable<T>): Promise<T[]> => lastValueFrom(run.pipe(toArray()));
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Resolves with the error that a run ends with. */
async function errorOf(run: Observable<unknown>): Promise<unknown> {
  try {
    await lastValueFrom(run, { defaultValue: undefined });
  } catch (error) {
    return error;
  }
  return assert.fail('the run completed; it should have ended with an error');
}

// Tasks may be shipped to workers as source: each stands for itself.
const square = (x: number): number => x * x;
const wait = async (ms: number): Promise<number> => {
  await new Promise(resolve => setTimeout(resolve, ms));
  return ms;
};
const failOnSevens = (x: number): number => {
  if (x % 7 === 3) throw new RangeError(`no ${x}`);
  return x + 0.5;
};

/** An executor that notes the chunks which are under way, and hands them on. */
function watched(executor: Executor): Executor & { readonly most: number; readonly running: number } {
  let running = 0;
  let most = 0;
  return {
    get parallelism() {
      return executor.parallelism;
    },
    chunkPolicy: executor.chunkPolicy,
    run: chunk =>
      new Observable(subscriber => {
        running += 1;
        most = Math.max(most, running);
        subscriber.add(() => {
          running -= 1;
        });
        return executor.run(chunk).subscribe(subscriber);
      }),
    forget: run => executor.forget?.(run),
    close: () => executor.close(),
    get running() {
      return running;
    },
    get most() {
      return most;
    },
  };
}

/**
 * Tests the promises that every executor makes: each row once and under its own index, in the order that was asked for,
 * failures of their own inputs only, and nothing that hangs.
 *
 * It is one list, to be read from top to bottom. The tasks are self-contained arrow functions, so that an executor may ship
 * their source.
 * @param test adds a test to the runner at hand
 * @example
 * import { test } from 'node:test';
 * executorContract(test, { name: 'myExecutor', make: () => myExecutor({ workers: 2 }) });
 */
export function executorContract(test: TestFunction, subject: ExecutorUnderTest): void {
  const { name, make, without = [], seconds = 20 } = subject;
  const it = (title: string, body: (executor: Executor) => Promise<void>) =>
    test(`${name}: ${title}`, async () => {
      const executor = make();
      try {
        await within(seconds, body(executor));
      } finally {
        await within(seconds, executor.close());
      }
    });
  const runOf = (options: Partial<Run> = {}): Run => ({
    task: square,
    args: [],
    kwargs: undefined,
    spread: false,
    concurrency: 1,
    taskTimeout: undefined,
    ...options,
  });

  it('parallelism is a whole number from 2', async ({ parallelism }) => {
    assert.ok(
      parallelism >= 2 && (Number.isInteger(parallelism) || parallelism === Infinity),
      `${parallelism}`,
    );
  });

  it('a chunk reports its inputs from the front, each once, and completes', async executor => {
    const inputs = upTo(20);
    const chunk: Chunk = { run: runOf(), first: 0, inputs };
    const reports = await rowsOf(executor.run(chunk));
    let settled = 0;
    for (const { count, rows, failures } of reports) {
      assert.equal(rows.length, count - failures.length, 'rows and failures make up the count');
      for (const column of rows.columns) assert.equal(column.length, rows.length, 'columns are complete');
      settled += count;
    }
    assert.ok(settled > 0 && settled <= inputs.length, `${settled} of ${inputs.length} inputs were reported`);
    executor.forget?.(chunk.run);
  });

  it('a chunk starts when it is subscribed to, and not before', async executor => {
    let called = 0;
    const run = runOf({ task: () => (called += 1) });
    executor.run({ run, first: 0, inputs: [1] });
    await new Promise(resolve => setTimeout(resolve, 20));
    assert.equal(called, 0);
    assert.deepEqual(await rowsOf(of(3).pipe(parallelMap(square, { executor }))), [9]);
  });

  it('a thousand inputs have their rows in order', async executor => {
    for (const chunk of ['auto', 1, 7, 1000] as const)
      assert.deepEqual(
        await rowsOf(range(0, 1000).pipe(parallelMap(square, { executor, chunk }))),
        upTo(1000).map(square),
        `chunk: ${chunk}`,
      );
  });

  it('a thousand inputs have their rows once each in completion order', async executor => {
    const rows = await rowsOf(range(0, 1000).pipe(parallelMap(square, { executor, ordered: false })));
    assert.deepEqual(
      rows.sort((a, b) => a - b),
      upTo(1000).map(square),
    );
  });

  it('rows wait for slower ones before them, unless completion order is asked for', async executor => {
    const waits = [150, 1, 2, 3];
    assert.deepEqual(await rowsOf(from(waits).pipe(parallelMap(wait, { executor, chunk: 1 }))), waits);
    const unordered = await rowsOf(
      from(waits).pipe(parallelMap(wait, { executor, chunk: 1, concurrency: 2, ordered: false })),
    );
    assert.equal(unordered.at(-1), 150);
  });

  it('args, kwargs and tuples reach the task', async executor => {
    const sum = (x: number, y: number, { z }: { z: number }) => x + y + z;
    assert.deepEqual(
      await rowsOf(of(1, 2).pipe(parallelMap(sum, { executor, args: [10], kwargs: { z: 100 } }))),
      [111, 112],
    );
    assert.deepEqual(
      await rowsOf(of([1, 2] as const).pipe(parallelMap((x, y) => x - y, { executor, spread: true }))),
      [-1],
    );
  });

  it('rows of every shape arrive as they are', async executor => {
    const shapes = (i: number): unknown =>
      [i, `${i}`, [i, -i], { i, j: 1 }, null, undefined, [`${i}`], { text: `${i}`, list: [i] }][i % 8];
    assert.deepEqual(
      await rowsOf(range(0, 400).pipe(parallelMap(shapes, { executor }))),
      upTo(400).map(shapes),
    );
  });

  it('columns are those of the rows', async executor => {
    const run = range(0, 300).pipe(parfor(x => [x, x * 0.5], { executor }));
    const [xs, halves] = await lastValueFrom(run);
    assert.deepEqual([Array.from(xs), Array.from(halves)], [upTo(300), upTo(300).map(x => x * 0.5)]);
  });

  it('a failure ends the run with its index, its input and its cause', async executor => {
    const error = await errorOf(range(0, 100).pipe(parallelMap(failOnSevens, { executor, concurrency: 1 })));
    assert.ok(error instanceof TaskError, String(error));
    assert.deepEqual([error.index, error.input], [3, 3]);
    assert.equal((error.cause as Error).message, 'no 3');
  });

  it('failures do not touch the other inputs', async executor => {
    for (const chunk of ['auto', 1, 10] as const) {
      const rows = await rowsOf(range(0, 50).pipe(parallelMapSettled(failOnSevens, { executor, chunk })));
      assert.deepEqual(
        rows.map(row => [row.index, row.input, row.status === 'fulfilled' ? row.value : row.reason.index]),
        upTo(50).map(x => [x, x, x % 7 === 3 ? x : x + 0.5]),
      );
    }
    const error = await errorOf(range(0, 50).pipe(parallelMap(failOnSevens, { executor, failFast: false })));
    assert.ok(error instanceof MapError, String(error));
    assert.deepEqual(
      error.errors.map(({ index }) => index),
      upTo(50).filter(x => x % 7 === 3),
    );
  });

  it('an async task that rejects fails its input', async executor => {
    const reject = async (x: number) => {
      if (x === 1) throw new Error('later');
      return x;
    };
    const rows = await rowsOf(range(0, 3).pipe(parallelMapSettled(reject, { executor })));
    assert.deepEqual(
      rows.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
  });

  it('inputs that fail are tried again as often as retry says', async executor => {
    const error = await errorOf(range(0, 5).pipe(parallelMap(failOnSevens, { executor, retry: 2 })));
    assert.ok(error instanceof TaskError, String(error));
    assert.equal(error.index, 3);
  });

  it('a subscriber that has enough frees the workers, also inside next', async executor => {
    const endless = range(0, 1e6).pipe(parallelMap(square, { executor }), take(5));
    assert.deepEqual(await rowsOf(endless), [0, 1, 4, 9, 16]);
    const counted = watched(executor);
    const subscription = from(new Array<number>(50).fill(20))
      .pipe(parallelMap(wait, { executor: counted, chunk: 1 }))
      .subscribe();
    await new Promise(resolve => setTimeout(resolve, 30));
    subscription.unsubscribe();
    assert.equal(counted.running, 0);
    assert.deepEqual(await rowsOf(of(4).pipe(parallelMap(square, { executor }))), [16]);
  });

  it('no more chunks are under way than concurrency says', async executor => {
    for (const concurrency of [1, 2]) {
      const counted = watched(executor);
      await rowsOf(
        from(new Array<number>(8).fill(5)).pipe(
          parallelMap(wait, { executor: counted, concurrency, chunk: 1 }),
        ),
      );
      assert.equal(counted.most, concurrency);
    }
  });

  it('two runs at once have their own rows', async executor => {
    const cube = (x: number) => x ** 3;
    const [squares, cubes] = await Promise.all([
      rowsOf(range(0, 300).pipe(parallelMap(square, { executor }))),
      rowsOf(range(0, 300).pipe(parallelMap(cube, { executor }))),
    ]);
    assert.deepEqual([squares, cubes], [upTo(300).map(square), upTo(300).map(cube)]);
  });

  it('a source that pushes late, errs, or is read on demand is served', async executor => {
    const late = from([1, 2, 3]).pipe(concatMap(x => timer(5).pipe(() => of(x))));
    assert.deepEqual(await rowsOf(late.pipe(parallelMap(square, { executor }))), [1, 4, 9]);
    const oops = new Error('of the source');
    assert.equal(await errorOf(throwError(() => oops).pipe(parallelMap(() => 1, { executor }))), oops);
    assert.deepEqual(
      await rowsOf(sweep(upTo(50)).pipe(parallelMap(square, { executor }))),
      upTo(50).map(square),
    );
    assert.deepEqual(await rowsOf(sweep<number>([]).pipe(parallelMap(square, { executor }))), []);
  });

  if (!without.includes('taskTimeout'))
    it('a task that does not settle within taskTimeout fails its input alone', async executor => {
      const hang = (x: number) => (x === 2 ? new Promise<number>(() => undefined) : x);
      const rows = await rowsOf(
        range(0, 5).pipe(parallelMapSettled(hang, { executor, taskTimeout: 100, chunk: 5 })),
      );
      assert.deepEqual(
        rows.map(row => (row.status === 'fulfilled' ? row.value : row.reason.constructor)),
        [0, 1, TaskTimeoutError, 3, 4],
      );
    });

  it('random programs give what a list of their inputs says', async executor => {
    const random = randomOf(7);
    for (let program = 0; program < 25; program++) {
      const count = random(60);
      const first = random(100);
      const options: Options = {
        executor,
        ordered: random(2) === 0,
        chunk: ([1, 3, 'auto'] as const)[random(3)] ?? 'auto',
        concurrency: 1 + random(2),
        maxBuffered: 1 + random(20),
      };
      const rows = await rowsOf(range(first, count).pipe(parallelMapSettled(failOnSevens, options)));
      if (!options.ordered) rows.sort((a, b) => a.index - b.index);
      assert.deepEqual(
        rows.map(row => [
          row.index,
          row.status === 'fulfilled' ? row.value : (row.reason.cause as Error).message,
        ]),
        upTo(count).map(i => {
          const x = first + i;
          return [i, x % 7 === 3 ? `no ${x}` : x + 0.5];
        }),
        JSON.stringify({ count, first, ...options, executor: undefined }),
      );
    }
  });

  it('closing ends runs that are under way, and those that begin after it', async executor => {
    const underWay = errorOf(
      from(new Array<number>(100).fill(20)).pipe(parallelMap(wait, { executor, chunk: 1 })),
    );
    await new Promise(resolve => setTimeout(resolve, 30));
    await Promise.all([executor.close(), executor.close()]);
    assert.ok((await underWay) instanceof ExecutorClosedError, 'the run that was under way');
    const later = await errorOf(of(1).pipe(parallelMap(square, { executor })));
    assert.ok(later instanceof ExecutorClosedError, 'the run that began later');
  });

  it('closing without a run, or beside a source that never ends, resolves', async executor => {
    const subscription = NEVER.pipe(parallelMap(square, { executor })).subscribe({ error: () => undefined });
    await executor.close();
    subscription.unsubscribe();
  });
}
