import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  concatMap,
  from,
  map,
  mergeMap,
  type Observable,
  type OperatorFunction,
  of,
  Subject,
  take,
  toArray,
} from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MapError, TaskError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import { inline } from '../../lib/executors/inline.js';
import { ColumnBatchBuilder } from '../../lib/serialization/columnBatchBuilder.js';
import { decodeBatch } from '../../lib/serialization/decodeBatch.js';
import { Encoder } from '../../lib/serialization/encode.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { parfor } from '../../operators/parfor.js';
import { serialMap } from '../../operators/serialMap.js';
import { toColumns } from '../../operators/toColumns.js';
import { propertyRuns } from '../support/propertyRuns.js';
import { inVirtualTime, promiseOf } from '../support/virtualTime.js';

/** What a subscriber has seen. Of a task's failure only what the task threw counts: RxJS knows no TaskError. */
type Log = unknown[];

function seen<T>(rows: Observable<T>, now: () => number = () => 0): Log {
  const log: Log = [];
  rows.subscribe({
    next: row => log.push([now(), row]),
    error: error => log.push([now(), '#', error instanceof TaskError ? error.cause : error]),
    complete: () => log.push([now(), '|']),
  });
  return log;
}

/** Marbles of a source: letters at any moment, several at once, and any end or none. */
const sources = fc
  .tuple(
    fc.array(fc.constantFrom('-', '--', 'a', 'b', 'c', 'd', '(ab)', '(cde)'), { maxLength: 8 }),
    fc.constantFrom('|', '#', '-', '-|', '----------#'),
  )
  .map(([steps, end]) => steps.join('') + end);

/** For each letter how long its task takes, and whether it fails. */
const promises = fc.record(
  Object.fromEntries(
    [...'abcde'].map(letter => [letter, fc.tuple(fc.nat(4), fc.constantFrom('ok', 'ok', 'ok', 'fails'))]),
  ),
);

const failing = fc.subarray([...'abcde'], { maxLength: 2 });
const limit = fc.oneof(fc.constant(Infinity), fc.nat(5));

/** Runs two operators on the same source and compares all that can be seen of them. */
function sameInVirtualTime(
  marble: string,
  most: number,
  operators: (helpers: RunHelpers) => [OperatorFunction<string, unknown>, OperatorFunction<string, unknown>],
): void {
  const runs = [0, 1].map(which =>
    inVirtualTime(helpers => {
      const source = helpers.cold(marble);
      const operator = operators(helpers)[which] as OperatorFunction<string, unknown>;
      const rows = source.pipe(operator, most === Infinity ? source => source : take(most));
      const log = seen(rows, () => helpers.clock.now());
      helpers.flush();
      return { log, subscriptions: source.subscriptions };
    }),
  );
  assert.equal(runs[0], runs[1]);
}

test('serialMap ≡ map, for synchronous tasks', () => {
  fc.assert(
    fc.property(sources, failing, limit, (marble, bad, most) => {
      const task = (letter: string) => {
        if (bad.includes(letter)) throw `no ${letter}`;
        return letter.toUpperCase();
      };
      sameInVirtualTime(marble, most, () => [serialMap(task), map(task)]);
    }),
    { numRuns: propertyRuns(400) },
  );
});

test('serialMap ≡ concatMap, for asynchronous tasks', () => {
  fc.assert(
    fc.property(sources, promises, limit, (marble, promises, most) =>
      sameInVirtualTime(marble, most, ({ cold }) => {
        const inner = (letter: string): Observable<string> => {
          const [ms, ends] = promises[letter]!;
          return cold(`${ms}ms ${ends === 'ok' ? '(r|)' : '#'}`, { r: letter.toUpperCase() }, `no ${letter}`);
        };
        const task = (letter: string) => promiseOf(inner(letter));
        return [serialMap(task), concatMap(inner)];
      }),
    ),
    { numRuns: propertyRuns(400) },
  );
});

test('parallelMap on inline({ concurrency: n }), unordered ≡ mergeMap(…, n), in virtual time', () => {
  fc.assert(
    fc.property(sources, promises, limit, fc.integer({ min: 1, max: 4 }), (marble, promises, most, n) =>
      sameInVirtualTime(marble, most, ({ cold }) => {
        const inner = (letter: string): Observable<string> => {
          const [ms, ends] = promises[letter]!;
          return cold(`${ms}ms ${ends === 'ok' ? '(r|)' : '#'}`, { r: letter.toUpperCase() }, `no ${letter}`);
        };
        const task = (letter: string) => promiseOf(inner(letter));
        return [
          parallelMap(task, { executor: inline({ concurrency: n }), ordered: false }),
          mergeMap(inner, n),
        ];
      }),
    ),
    { numRuns: propertyRuns(400) },
  );
});

/** Settles promises of tasks from outside, one at a time. */
class Deferred {
  readonly calls: number[] = [];
  readonly pending: { index: number; settle: (ok: boolean) => void }[] = [];
  most = 0;

  readonly task = (index: number): Promise<string> =>
    new Promise((resolve, reject) => {
      this.calls.push(index);
      const settle = (ok: boolean) => (ok ? resolve(`row ${index}`) : reject(`no ${index}`));
      this.pending.push({ index, settle });
      this.most = Math.max(this.most, this.pending.length);
    });
}

/** Which of the pending promises is next, and whether it is fulfilled. */
type Pick = readonly [which: number, ok: boolean];
const picks = (okOnly: boolean) =>
  fc.array(
    fc.tuple(
      fc.nat(),
      okOnly ? fc.constant(true) : fc.oneof({ arbitrary: fc.constant(true), weight: 9 }, fc.constant(false)),
    ),
    {
      minLength: 12,
      maxLength: 12,
    },
  );

/** Runs an operator over 0, 1, 2, … on promises that settle as the picks say; gives what was seen after each. */
async function settling(
  count: number,
  picks: readonly Pick[],
  operator: (task: (index: number) => Promise<string>) => OperatorFunction<number, unknown>,
): Promise<{ steps: Log[]; settled: number[]; deferred: Deferred }> {
  const deferred = new Deferred();
  const settled: number[] = [];
  const log = seen(from([...Array(count).keys()]).pipe(operator(deferred.task)));
  const steps = [[...log]];
  for (const [which, ok] of picks) {
    if (deferred.pending.length === 0) break;
    const [picked] = deferred.pending.splice(which % deferred.pending.length, 1);
    picked!.settle(ok);
    settled.push(picked!.index);
    await new Promise(setImmediate);
    steps.push([...log]);
  }
  return { steps, settled, deferred };
}

const few = fc.nat(12);
const concurrencies = fc.integer({ min: 1, max: 5 });

test('parallelMap on inline({ concurrency: n }), unordered ≡ mergeMap(…, n), with promises in any order', async () => {
  await fc.assert(
    fc.asyncProperty(few, concurrencies, picks(false), limit, async (count, n, picks, most) => {
      const some = most === Infinity ? (rows: Observable<unknown>) => rows : take<unknown>(most);
      const executor = inline({ concurrency: n });
      const ours = await settling(
        count,
        picks,
        task => rows => rows.pipe(parallelMap(task, { executor, ordered: false }), some),
      );
      const theirs = await settling(count, picks, task => rows => rows.pipe(mergeMap(task, n), some));
      assert.equal(ours.steps, theirs.steps);
      assert.equal(ours.deferred.calls, theirs.deferred.calls);
      assert.is(ours.deferred.most, theirs.deferred.most);
    }),
    { numRuns: propertyRuns(200) },
  );
});

test('ordered ≡ unordered, sorted: each row as soon as all before it are there', async () => {
  await fc.assert(
    fc.asyncProperty(few, concurrencies, picks(true), async (count, n, picks) => {
      const executor = inline({ concurrency: n });
      const { steps, settled, deferred } = await settling(count, picks, task =>
        parallelMap(task, { executor }),
      );
      assert.equal(deferred.calls, [...Array(count).keys()]);
      steps.forEach((log, step) => {
        const there = new Set(settled.slice(0, step));
        let due = 0;
        while (there.has(due)) due += 1;
        const rows = Array.from({ length: due }, (_, index) => [0, `row ${index}`]);
        assert.equal(log, due === count ? [...rows, [0, '|']] : rows);
      });
    }),
    { numRuns: propertyRuns(200) },
  );
});

test('parallelMapSettled ≡ Promise.allSettled', async () => {
  await fc.assert(
    fc.asyncProperty(few, concurrencies, picks(false), async (count, n, picks) => {
      const executor = inline({ concurrency: n });
      const deferred = new Deferred();
      const ours = new Promise<unknown[]>(resolve => {
        from([...Array(count).keys()])
          .pipe(parallelMapSettled(deferred.task, { executor }), toArray())
          .subscribe(resolve);
      });
      const fate: boolean[] = [];
      for (const [which, ok] of picks) {
        if (deferred.pending.length === 0) break;
        const [picked] = deferred.pending.splice(which % deferred.pending.length, 1);
        fate[picked!.index] = ok;
        picked!.settle(ok);
        await new Promise(setImmediate);
      }
      const theirs = await Promise.allSettled(
        fate.map((ok, index) => (ok ? Promise.resolve(`row ${index}`) : Promise.reject(`no ${index}`))),
      );
      const rows = (await ours) as {
        status: string;
        index: number;
        input: number;
        value?: string;
        reason?: TaskError;
      }[];
      assert.equal(
        rows.map(({ status, value, reason }) =>
          reason ? { status, reason: reason.cause } : { status, value },
        ),
        theirs,
      );
      assert.ok(rows.every(({ index, input }, i) => index === i && input === i));
    }),
    { numRuns: propertyRuns(100) },
  );
});

test('failFast: false ≡ the rows of the good inputs, then an error with all the others', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 20 }), fc.boolean(), (fates, serial) => {
      const task = (index: number) => {
        if (!fates[index]) throw index;
        return -index;
      };
      const operator = serial
        ? serialMap(task, { failFast: false })
        : parallelMap(task, { failFast: false, executor: inline({ concurrency: 3 }) });
      const rows: number[] = [];
      let end: unknown;
      from([...fates.keys()])
        .pipe(operator)
        .subscribe({
          next: row => rows.push(row),
          error: error => (end = error),
          complete: () => (end = '|'),
        });
      const indices = [...fates.keys()];
      assert.equal(
        rows,
        indices.filter(i => fates[i]).map(i => -i),
      );
      const bad = indices.filter(i => !fates[i]);
      if (bad.length === 0) assert.is(end, '|');
      else {
        assert.instance(end, MapError);
        assert.equal(
          (end as MapError).errors.map(({ index, input, cause }) => [index, input, cause]),
          bad.map(i => [i, i, i]),
        );
      }
    }),
  );
});

test('retry ≡ a task that tries by itself', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 12 }), fc.nat(3), (failures, count) => {
      const tries = failures.map(() => 0);
      const task = (index: number) => {
        tries[index]! += 1;
        if (tries[index]! <= failures[index]!) throw `try ${tries[index]} of ${index}`;
        return index;
      };
      const ours = seen(from([...failures.keys()]).pipe(serialMap(task, { retry: count })));
      tries.fill(0);
      const stubborn = (index: number) => {
        for (let left = count; ; left--)
          try {
            return task(index);
          } catch (error) {
            if (left === 0) throw error;
          }
      };
      assert.equal(ours, seen(from([...failures.keys()]).pipe(map(stubborn))));
    }),
  );
});

/** An executor that answers at once with rows that are packed as threads pack them. */
function packing(rows: readonly unknown[]): Executor {
  return {
    parallelism: 1,
    chunkPolicy: { timeSlice: 8, maxInputs: 100 },
    run: ({ inputs }) => {
      const packer = new ColumnBatchBuilder(
        inputs.length,
        new Encoder({ sharedMemory: true, transferMarked: true }),
      );
      for (let i = 0; i < inputs.length; i++) packer.add(rows[inputs[i] as number]);
      return of({ count: inputs.length, rows: decodeBatch(packer.take().message), failures: [], elapsed: 0 });
    },
    close: async () => undefined,
  };
}

const numbers = fc.oneof(fc.double(), fc.integer());
const cells = fc.oneof(
  { arbitrary: numbers, weight: 9 },
  fc.string(),
  fc.bigInt(),
  fc.boolean(),
  fc.constant(undefined),
);
const key = fc.constantFrom('x', 'y', '1', '__proto__');
/** Sweeps of rows: of one shape, of numbers or not, and now and then one that does not fit. */
const manyRows = fc
  .oneof(
    fc.array(cells, { maxLength: 30 }),
    fc.array(fc.tuple(numbers, numbers), { maxLength: 30 }),
    fc.array(fc.tuple(cells, numbers, cells), { maxLength: 30 }),
    fc.array(fc.record({ x: cells, y: numbers }, { noNullPrototype: true }), { maxLength: 30 }),
    fc.array(fc.array(numbers, { maxLength: 3 }), { maxLength: 5 }),
    fc.array(fc.dictionary(key, numbers, { maxKeys: 2, noNullPrototype: true }), { maxLength: 5 }),
    fc.array(fc.constantFrom(new Date(0), new Map([[1, 2]]), Float64Array.of(1)), { maxLength: 5 }),
  )
  .chain(rows =>
    fc.tuple(fc.constant(rows as unknown[]), fc.option(fc.oneof(cells, fc.tuple(cells)), { freq: 9 })),
  )
  .map(([rows, odd]) => (odd === null ? rows : [...rows, odd]));

test('parfor ≡ parallelMap, then toColumns', () => {
  fc.assert(
    fc.property(manyRows, fc.integer({ min: 1, max: 12 }), (rows, chunk) => {
      const source = sweep([...rows.keys()]);
      const options = { executor: packing(rows), chunk };
      const task = (index: number): unknown => rows[index];
      const ours = seen(source.pipe(parfor(task, options)));
      const theirs = seen(source.pipe(parallelMap(task, options), toColumns()));
      assert.equal(ours.map(String), theirs.map(String));
      assert.ok(isDeepStrictEqual(ours, theirs));
      const plain = seen(from(rows).pipe(toColumns()));
      assert.ok(isDeepStrictEqual(plain, theirs), 'packed or not');
    }),
    { numRuns: propertyRuns(1000), includeErrorInReport: true },
  );
});

test('a run on any executor ≡ its serial twin', () => {
  fc.assert(
    fc.property(manyRows, fc.integer({ min: 1, max: 12 }), (rows, chunk) => {
      const source = sweep([...rows.keys()]);
      const task = (index: number): unknown => rows[index];
      const parallel = seen(source.pipe(parallelMap(task, { executor: packing(rows), chunk })));
      assert.ok(isDeepStrictEqual(parallel, seen(source.pipe(serialMap(task)))));
    }),
    { includeErrorInReport: true },
  );
});

test('inputs that come while others run: none is lost, none comes twice', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { maxLength: 12 }), more => {
      const source = new Subject<number>();
      const rows: number[] = [];
      let next = 1;
      source.pipe(parallelMap((x: number) => x, { executor: inline({ concurrency: 2 }) })).subscribe(row => {
        rows.push(row);
        for (let i = 0; i < (more[row] ?? 0); i++) source.next(next++);
      });
      source.next(0);
      assert.equal(rows, [...Array(next).keys()]);
    }),
  );
});

test.run();
