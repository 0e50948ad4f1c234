import { deepStrictEqual } from 'node:assert';
import {
  concatMap,
  EMPTY,
  from,
  NEVER,
  of,
  range,
  repeat,
  Subject as Source,
  take,
  throwError,
  timer,
  zip,
} from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { MapError, TaskError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import type { Progress } from '../../lib/progress/progressMeter.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { parfor } from '../../operators/parfor.js';
import { failFor } from '../fixtures/faults.js';
import {
  echo,
  observed,
  parameters,
  pause,
  sameShared,
  spanOf,
  square,
  unsteady,
} from '../fixtures/tasks.js';
import { sleep, timed, within } from '../support/deadline.js';
import {
  errorOf,
  inFolder,
  outcomeOf,
  reasonBetweenRows,
  rowsOf,
  type Subject,
  upTo,
  Watched,
} from './subject.js';

/** Rows come, each once, in the order that was asked for. */
export function rows({ name, make, crosses, remote }: Subject): void {
  const rows = suite(`${name}: rows`);
  const it = timed(rows);
  let executor: Executor;
  rows.before(() => {
    executor = make({ workers: 2 });
  });
  rows.after(() => executor.close());

  it('rows come in input order, whatever finishes first', async () => {
    const waits = [60, 20, 1, 40, 1, 10, 1, 1];
    const found = await rowsOf(from(waits).pipe(parallelMap(pause, { executor, concurrency: 2, chunk: 1 })));
    assert.equal(found, waits);
  });

  it('rows come in completion order where that is asked for', async () => {
    const found = await rowsOf(
      from([400, 1, 2, 3]).pipe(parallelMap(pause, { executor, ordered: false, concurrency: 2, chunk: 1 })),
    );
    assert.equal(found, [1, 2, 3, 400]);
  });

  it('rows come as soon as they are there, and not at the end of their chunk', async () => {
    const start = performance.now();
    const first = await rowsOf(from([1, 1, 2_000]).pipe(parallelMap(pause, { executor, chunk: 3 }), take(2)));
    assert.equal(first, [1, 1]);
    assert.ok(performance.now() - start < 1_500, 'the third input of the chunk holds nobody back');
  });

  it('rows are one for each of many inputs', async () => {
    const count = 20_000;
    const found = await rowsOf(range(0, count).pipe(parallelMap(square, { executor })));
    assert.equal(found.length, count);
    assert.ok(found.every((row, i) => row === i * i));
    const unordered = await rowsOf(range(0, count).pipe(parallelMap(square, { executor, ordered: false })));
    assert.equal(new Set(unordered).size, count);
  });

  it('rows are one for each of inputs that change their kind', async () => {
    const inputs = upTo(500).flatMap((i): unknown[] => [
      i,
      `${i}`,
      [i, -i],
      [i],
      { i },
      { i, j: 1 },
      null,
      undefined,
      [i, 'a'],
    ]);
    deepStrictEqual(await rowsOf(from(inputs).pipe(parallelMap(echo, { executor }))), inputs);
    deepStrictEqual(await rowsOf(from(inputs).pipe(parallelMap(echo, { executor, chunk: 7 }))), inputs);
  });

  it('rows are none for an empty source', async () => {
    assert.equal(await rowsOf(EMPTY.pipe(parallelMap(square, { executor }))), []);
    assert.equal(await rowsOf(sweep<number>([]).pipe(parallelMap(square, { executor }))), []);
    assert.equal(await rowsOf(EMPTY.pipe(parfor(square, { executor }))), [[]]);
  });

  it('rows come of inputs that arrive late, one at a time', async () => {
    const found = await rowsOf(
      from([1, 2, 3]).pipe(
        concatMap(x => timer(5).pipe(() => of(x))),
        parallelMap(square, { executor }),
      ),
    );
    assert.equal(found, [1, 4, 9]);
    const source = new Source<number>();
    const late = rowsOf(source.pipe(parallelMap(square, { executor })));
    for (const x of [4, 5]) {
      source.next(x);
      await sleep(20);
    }
    source.complete();
    assert.equal(await late, [16, 25]);
  });

  it('rows come of sync and async tasks alike', async () => {
    assert.equal(
      await rowsOf(range(0, 5).pipe(parallelMap(async x => x + 1, { executor }))),
      [1, 2, 3, 4, 5],
    );
    assert.equal(
      await rowsOf(
        range(0, 6).pipe(parallelMap(x => (x % 2 ? x : Promise.resolve(-x)), { executor, chunk: 6 })),
      ),
      [-0, 1, -2, 3, -4, 5],
    );
  });

  it('rows of async tasks are each that of its input, also where they wait together with others', async () => {
    // Within a time slice and beyond one.
    const waits = [1, 4, 1.1, 1.2, 4.1, 30, 1.3, 4.2, 1.4, 1.5, 4.3, 4.4, 1.6, 20];
    const found = await rowsOf(
      sweep(waits).pipe(parallelMap(pause, { executor, chunk: 14, concurrency: 1 })),
    );
    assert.equal(found, waits);
    const settled = await rowsOf(
      sweep(waits).pipe(parallelMapSettled(pause, { executor, chunk: 14, ordered: false })),
    );
    assert.equal(
      settled.map(row => row.status === 'fulfilled' && row.value),
      settled.map(row => row.input),
    );
  });

  it('rows reduce to columns', async () => {
    const numbers = await rowsOf(range(0, 1_000).pipe(parfor(x => [x, x ** 2, -x], { executor })));
    deepStrictEqual(numbers, [
      [
        Float64Array.from(upTo(1_000)),
        Float64Array.from(upTo(1_000), x => x ** 2),
        Float64Array.from(upTo(1_000), x => -x),
      ],
    ]);
    const [named] = await rowsOf(
      range(0, 100).pipe(
        parfor(x => ({ x, text: `<${x}>`, even: x % 2 === 0, maybe: x === 50 ? null : x }), { executor }),
      ),
    );
    deepStrictEqual(named, {
      x: Float64Array.from(upTo(100)),
      text: upTo(100).map(x => `<${x}>`),
      even: upTo(100).map(x => x % 2 === 0),
      maybe: upTo(100).map(x => (x === 50 ? null : x)),
    });
    deepStrictEqual(await rowsOf(range(0, 50).pipe(parfor(x => -x, { executor, chunk: 3 }))), [
      Float64Array.from(upTo(50), x => -x),
    ]);
    deepStrictEqual(await rowsOf(range(0, 3).pipe(parfor(x => String(x), { executor }))), [['0', '1', '2']]);
  });

  it('rows reduce to columns in input order, and for rows of differing shape say which', async () => {
    deepStrictEqual(await rowsOf(from([30, 1, 2]).pipe(parfor(pause, { executor, chunk: 1 }))), [
      Float64Array.of(30, 1, 2),
    ]);
    const error = await errorOf(
      range(0, 20).pipe(parfor((x): number[] => (x === 13 ? [x] : [x, x]), { executor })),
    );
    assert.instance(error, TypeError);
    assert.match(error.message, /index 13/);
  });

  it('rows come of args, kwargs and spread', async () => {
    const call = async (options: object, ...inputs: unknown[]) =>
      rowsOf(from(inputs).pipe(parallelMap(parameters, { executor, ...options } as object)));
    deepStrictEqual(await call({}, 1), [[1]]);
    deepStrictEqual(await call({ args: [] }, 1), [[1]]);
    deepStrictEqual(await call({ args: ['a', undefined, [2]] }, 1, 2), [
      [1, 'a', undefined, [2]],
      [2, 'a', undefined, [2]],
    ]);
    deepStrictEqual(await call({ kwargs: {} }, 1), [[1, {}]]);
    deepStrictEqual(await call({ args: [Float64Array.of(4)], kwargs: { z: 5, u: undefined } }, 1), [
      [1, Float64Array.of(4), { z: 5, u: undefined }],
    ]);
    deepStrictEqual(await call({ spread: true, args: ['a'], kwargs: { z: 5 } }, [1, 2], [], [3]), [
      [1, 2, 'a', { z: 5 }],
      ['a', { z: 5 }],
      [3, 'a', { z: 5 }],
    ]);
    const sumDiff = (x: number, y: number, { z = 0 }) => [x + y, x - y, z];
    deepStrictEqual(
      await rowsOf(
        zip([1, 2, 3], [4, 5, 6]).pipe(parfor(sumDiff, { spread: true, kwargs: { z: 5 }, executor })),
      ),
      [[Float64Array.of(5, 7, 9), Float64Array.of(-3, -3, -3), Float64Array.of(5, 5, 5)]],
    );
  });

  it('rows of an input that cannot be spread are a failure of that input', async () => {
    const inputs = [[1, 2], 5, [3, 4]] as unknown as [number, number][];
    const found = await rowsOf(
      from(inputs).pipe(parallelMapSettled((x: number, y: number) => x + y, { spread: true, executor })),
    );
    const reason = reasonBetweenRows(found);
    assert.instance(reason.cause, TypeError);
    assert.match((reason.cause as Error).message, /spread.*tuple/);
  });

  it('rows share args and kwargs, which do not travel with each input', async () => {
    const found = await rowsOf(
      range(0, 200).pipe(
        parallelMap(sameShared, { args: [{ a: 1 }], kwargs: { k: 1 }, concurrency: 1, chunk: 10, executor }),
      ),
    );
    assert.equal(found.slice(1), new Array(199).fill(true), 'the same objects at every call');
    assert.equal(found[0], false);
  });

  it('rows of several workers overlap, up to the concurrency', async () => {
    const most = async (concurrency: number | undefined) => {
      const watched = new Watched(executor);
      const found = await rowsOf(
        from(new Array<number>(6).fill(60)).pipe(
          parallelMap(observed, { executor: watched, chunk: 1, ...(concurrency && { concurrency }) }),
        ),
      );
      return Math.max(
        ...found.map(({ start }) => found.filter(other => other.start <= start && start < other.end).length),
      );
    };
    assert.is(await most(1), 1);
    assert.is(await most(2), 2);
    assert.is(await most(undefined), 2);
  });

  it('rows come of chunks of a fixed size', async () => {
    if (crosses) {
      const watched = new Watched(executor);
      const found = await rowsOf(
        range(0, 10).pipe(parallelMap(square, { executor: watched, chunk: 3, concurrency: 1 })),
      );
      assert.equal(
        found,
        upTo(10).map(x => x * x),
      );
      const sizes = watched.chunks.map(chunk => chunk.count);
      assert.equal(sizes, [1, 3, 3, 3], 'the first goes out when there is but one input');
    }
    const pulled = new Watched(executor);
    await rowsOf(sweep(upTo(10)).pipe(parallelMap(square, { executor: pulled, chunk: 3, concurrency: 1 })));
    assert.equal(
      pulled.chunks.map(chunk => [chunk.first, chunk.count]),
      [
        [0, 3],
        [3, 3],
        [6, 3],
        [9, 1],
      ],
    );
  });

  it('rows that wait for an earlier one are at most maxBuffered', async () => {
    const watched = new Watched(executor);
    let slowThere = false;
    let beforeSlow = 0;
    const run = sweep([300, ...new Array<number>(50).fill(1)]).pipe(
      parallelMap(pause, { executor: watched, chunk: 1, concurrency: 2, maxBuffered: 4 }),
    );
    const found: number[] = [];
    await new Promise<void>((resolve, reject) =>
      run.subscribe({
        next: row => {
          if (!slowThere) beforeSlow = Math.max(...watched.chunks.map(({ first, count }) => first + count));
          slowThere = true;
          found.push(row);
        },
        error: reject,
        complete: resolve,
      }),
    );
    assert.equal(found.length, 51);
    assert.is(beforeSlow, 5, 'the slow one, and four that wait for it');
  });

  it('rows go on past maxBuffered once the slow one is there, and with the least of it', async () => {
    const waits = upTo(40).map(i => (i % 10 === 0 ? 25 : 0));
    for (const chunk of [1, 5, 'auto'] as const) {
      const found = await rowsOf(
        from(waits).pipe(parallelMap(pause, { executor, chunk, concurrency: 2, maxBuffered: 1 })),
      );
      assert.equal(found, waits);
    }
  });

  it('rows of a sweep are read only as fast as they are taken', async () => {
    let read = 0;
    function* endless() {
      for (;;) yield read++;
    }
    const found = await rowsOf(
      sweep(endless()).pipe(parallelMap(square, { executor, chunk: 2, concurrency: 2 }), take(5)),
    );
    assert.equal(found, [0, 1, 4, 9, 16]);
    assert.ok(read < 100, `${read} were read`);
  });

  it('rows come after a retry, and a run without one fails', async () => {
    for (const [failures, retry] of [
      [2, 2],
      [1, { count: 1 }],
      [3, { count: 5, delay: 1 }],
    ] as const)
      await inFolder(async folder => {
        const kwargs = { folder, failing: 3, failures };
        const found = await rowsOf(range(0, 8).pipe(parallelMap(unsteady, { kwargs, retry, executor })));
        assert.equal(found, upTo(8), 'in order, each once');
      });
    await inFolder(async folder => {
      const kwargs = { folder, failing: 3, failures: 2 };
      const error = await errorOf<TaskError>(
        range(0, 8).pipe(parallelMap(unsteady, { kwargs, retry: 1, executor })),
      );
      assert.instance(error, TaskError);
      assert.is(error.index, 3);
      assert.is((error.cause as Error).message, 'try 2', 'the last try is the one that is told');
    });
  });

  it('rows of a retry wait for its delay, and hold nobody else up', async () => {
    await inFolder(async folder => {
      const { readFile } = await import('node:fs/promises');
      const found: number[] = [];
      const options = {
        kwargs: { folder, failing: 0, failures: 2 },
        retry: { count: 2, delay: 120 },
        ordered: false,
        executor,
      };
      await new Promise<void>((resolve, reject) =>
        range(0, 30)
          .pipe(parallelMap(unsteady, options))
          .subscribe({ next: row => found.push(row), error: reject, complete: resolve }),
      );
      assert.is(found.at(-1), 0);
      assert.is(found.length, 30);
      const tries = (await readFile(`${folder}/tries-0`, 'utf8')).trim().split('\n').map(Number);
      assert.is(tries.length, 3);
      tries.slice(1).forEach((at, i) => {
        assert.ok(at - tries[i]! >= 118, `only ${at - tries[i]!} ms between two tries`);
      });
    });
  });

  it('rows end with the first failure', async () => {
    const { rows, error, elapsed } = await outcomeOf(
      range(0, 100).pipe(parallelMap(failFor, { kwargs: { bad: 42 }, chunk: 1, executor })),
    );
    assert.instance(error, TaskError);
    const { index, input, cause, message } = error as TaskError;
    assert.equal([index, input, (cause as Error).message], [42, 42, 'not 42']);
    assert.match(message, /input 42 \(index 42\)/);
    assert.equal(rows, upTo(rows.length));
    assert.ok(rows.length <= 42);
    assert.ok(elapsed < 5_000);
  });

  it('rows end with the first failure in time, not in order', async () => {
    const task = async (ms: number) => {
      await new Promise(resolve => setTimeout(resolve, ms));
      if (ms < 100) throw new Error('early');
      return ms;
    };
    const start = performance.now();
    const error = await errorOf<TaskError>(
      from([3_000, 10]).pipe(parallelMap(task, { executor, chunk: 1, concurrency: 2 })),
    );
    assert.is(error.index, 1);
    assert.ok(performance.now() - start < 2_000);
  });

  it('rows go on past failures with failFast: false, and end with all of them', async () => {
    const task = (x: number) => {
      if (x % 7 === 3) throw new Error(`bad ${x}`);
      return x;
    };
    for (const ordered of [true, false]) {
      const { rows, error } = await outcomeOf(
        range(0, 50).pipe(parallelMap(task, { failFast: false, ordered, executor })),
      );
      assert.equal(
        rows.sort((a, b) => a - b),
        upTo(50).filter(x => x % 7 !== 3),
      );
      assert.instance(error, MapError);
      const { errors, message } = error as MapError;
      assert.equal(
        errors.map(({ index }) => index),
        [3, 10, 17, 24, 31, 38, 45],
      );
      assert.ok(
        errors.every(
          error => error instanceof TaskError && (error.cause as Error).message === `bad ${error.input}`,
        ),
      );
      assert.match(message, /7 of 50/);
    }
  });

  it('rows of parallelMapSettled are one for each input, good or bad', async () => {
    const task = (x: number) => {
      if (x % 3 === 1) throw x;
      return x * 2;
    };
    const found = await rowsOf(range(0, 30).pipe(parallelMapSettled(task, { executor })));
    assert.equal(
      found.map(row => [
        row.index,
        row.input,
        row.status,
        row.status === 'fulfilled' ? row.value : row.reason.cause,
      ]),
      upTo(30).map(x => (x % 3 === 1 ? [x, x, 'rejected', x] : [x, x, 'fulfilled', x * 2])),
    );
    for (const row of found) if (row.status === 'rejected') assert.is(row.reason.index, row.index);
  });

  it('rows of two runs at once both come', async () => {
    const [one, two, three] = await Promise.all([
      rowsOf(range(0, 300).pipe(parallelMap(x => x + 1, { executor, chunk: 5 }))),
      rowsOf(range(0, 300).pipe(parallelMap(x => `${x}`, { executor, chunk: 5 }))),
      rowsOf(from(new Array<number>(10).fill(10)).pipe(parallelMap(pause, { executor, chunk: 1 }))),
    ]);
    assert.equal(
      one,
      upTo(300).map(x => x + 1),
    );
    assert.equal(two, upTo(300).map(String));
    assert.equal(three, new Array(10).fill(10));
  });

  it('rows come anew for each subscription', async () => {
    const run = range(0, 5).pipe(parallelMap(square, { executor }));
    assert.equal(await rowsOf(run), await rowsOf(run));
  });

  it('rows end where the subscriber stops, also inside next', async () => {
    const watched = new Watched(executor);
    assert.equal(
      await rowsOf(range(0, 10_000).pipe(parallelMap(square, { executor: watched }), take(3))),
      [0, 1, 4],
    );
    await sleep(30);
    assert.is(watched.running, 0);
    assert.is(watched.forgotten.length, 1);
  });

  it('rows before an error of the source may come, and the error does', async () => {
    const source = throwError(() => new Error('source'));
    assert.is((await errorOf(source.pipe(parallelMap(square, { executor })))).message, 'source');
    assert.equal(await rowsOf(range(0, 3).pipe(parallelMap(square, { executor }))), [0, 1, 4]);
  });

  it('rows of a source that never ends hold no worker', async () => {
    const watched = new Watched(executor);
    const subscription = NEVER.pipe(parallelMap(square, { executor: watched })).subscribe();
    await sleep(10);
    assert.is(watched.running, 0);
    subscription.unsubscribe();
  });

  it('rows are counted by progress', async () => {
    const notes: Progress[] = [];
    let ended = 0;
    const progress = { next: (note: Progress) => notes.push(note), complete: () => ended++ };
    const task = async (x: number) => {
      await new Promise(resolve => setTimeout(resolve, 5));
      if (x === 20) throw new Error('bad');
      return x;
    };
    await rowsOf(sweep(upTo(80)).pipe(parallelMapSettled(task, { progress, chunk: 1, executor })));
    assert.is(ended, 1);
    const [first, last] = [notes[0]!, notes.at(-1)!];
    assert.equal([first.total, first.completed, first.failed, first.running], [80, 0, 0, 0]);
    assert.equal([last.total, last.completed, last.failed, last.running, last.fraction], [80, 79, 1, 0, 1]);
    assert.ok(notes.length > 3 && notes.length < 40, `${notes.length} notes`);
    assert.ok(notes.every(note => note.running <= executor.parallelism));
  });

  if (crosses)
    it('rows of a run that holds all workers do not keep others from getting theirs', async () => {
      const long = from(new Array<number>(1_000).fill(5)).pipe(parallelMap(pause, { executor, chunk: 1 }));
      const subscription = long.subscribe();
      const short = await within(2, rowsOf(range(0, 10).pipe(parallelMap(square, { executor, chunk: 1 }))));
      subscription.unsubscribe();
      assert.is(short.length, 10);
    });

  // Clocks of several hosts do not say what was at the same time.
  if (crosses && !remote)
    it('rows of a run that may keep one worker busy come from one at a time, whoever else runs', async () => {
      await using executor = make({ workers: 2 });
      const one = { executor, concurrency: 1, chunk: 4 };
      const spans = sweep(upTo(300)).pipe(parallelMapSettled(spanOf, { ...one, args: [0.5] }));
      const others = sweep(upTo(40))
        .pipe(parallelMap(spanOf, { executor, chunk: 2, args: [0.2] }), repeat())
        .subscribe();
      const rows = await rowsOf(spans);
      others.unsubscribe();
      const times = rows.map(row => (row.status === 'fulfilled' ? row.value : [0, 0]));
      assert.is(times.length, 300);
      times.sort(([a], [b]) => (a as number) - (b as number));
      // Processes' clocks differ by less than this.
      const overlaps = times.filter(
        ([start], i) => i > 0 && (start as number) < (times[i - 1]?.[1] as number) - 0.3,
      );
      assert.equal(overlaps, []);
    });

  rows.run();
}
