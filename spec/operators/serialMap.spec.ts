import {
  from,
  lastValueFrom,
  Observable,
  type OperatorFunction,
  of,
  reduce,
  Subject,
  Subscriber,
  take,
  throwError,
  zip,
} from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MapError, TaskError, TaskTimeoutError } from '../../lib/errors.js';
import type { Progress } from '../../lib/progress/progressMeter.js';
import { sweep } from '../../lib/sources/sweep.js';
import { serialMap } from '../../operators/serialMap.js';
import { within } from '../support/deadline.js';
import { SeenStores, store } from '../support/seenStores.js';
import { marbles, oops, promiseOf } from '../support/virtualTime.js';

const upper = (letter: string): string => letter.toUpperCase();

/**
 * An async task in virtual time: for each input the marbles of its promise, a letter for what it resolves to. An array
 * has one for each call.
 */
function asyncTask({ cold }: RunHelpers, promises: Readonly<Record<string, string | readonly string[]>>) {
  const calls: string[] = [];
  const task = (input: string): Promise<string> => {
    const nth = calls.filter(call => call === input).length;
    calls.push(input);
    const marble = [promises[input] ?? []].flat()[nth];
    if (marble === undefined) throw new Error(`no marbles for call ${nth + 1} of ${input}`);
    return promiseOf(cold<string>(marble, undefined, oops));
  };
  return Object.assign(task, { calls });
}

marbles('never: silent, with a hold on the source', h => {
  const source = h.cold('    --');
  const subscription = '     ^-';
  const result = '           --';

  h.expectObservable(source.pipe(serialMap(upper))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('empty: completes with the source', h => {
  const source = h.cold('    --|');
  const subscription = '     ^-!';
  const result = '           --|';

  h.expectObservable(source.pipe(serialMap(upper))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('one: its row at once, as of map', h => {
  const source = h.cold('    -a-|');
  const subscription = '     ^--!';
  const result = '           -A-|';

  h.expectObservable(source.pipe(serialMap(upper))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('many: each row at once', h => {
  const source = h.cold('    -a-(bc)-d|');
  const subscription = '     ^--------!';
  const result = '           -A-(BC)-D|';

  h.expectObservable(source.pipe(serialMap(upper))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('an async task: one input after another', h => {
  const source = h.cold('    abc|');
  const subscription = '     ^--!';
  const task = asyncTask(h, {
    a: '                     ---(A|)',
    b: '                        -(B|)',
    c: '                         --(C|)',
  });
  const result = '           ---AB-(C|)';

  h.expectObservable(source.pipe(serialMap(task))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('source error: goes on at once, and what waits is dropped', h => {
  const source = h.cold('    ab--#', undefined, oops);
  const subscription = '     ^---!';
  const task = asyncTask(h, {
    a: '                     --A',
    b: '                       ----B',
  });
  const result = '           --A-#';

  h.expectObservable(source.pipe(serialMap(task))).toBe(result, undefined, oops);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('task error: ends the run', h => {
  const source = h.cold('    -a-b-c|');
  const subscription = '     ^--!';
  const result = '           -A-#';
  const task = (letter: string) => {
    if (letter === 'b') throw oops;
    return upper(letter);
  };

  h.expectObservable(source.pipe(serialMap(task))).toBe(
    result,
    undefined,
    new TaskError({ index: 1, input: 'b' }, oops),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('an async task that rejects: ends the run, and what waits is not run', h => {
  const source = h.cold('    ab--c|');
  const subscription = '     ^-!';
  const task = asyncTask(h, { a: '--#' });
  const result = '           --#';

  h.expectObservable(source.pipe(serialMap(task))).toBe(
    result,
    undefined,
    new TaskError({ index: 0, input: 'a' }, oops),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  h.flush();
  assert.equal(task.calls, ['a']);
});

marbles('failFast: false: the good rows, then every failure', h => {
  const source = h.cold('    abc|');
  const task = asyncTask(h, {
    a: '                     -#',
    b: '                      -B',
    c: '                       --#',
  });
  const result = '           --B-#';

  h.expectObservable(source.pipe(serialMap(task, { failFast: false }))).toBe(
    result,
    undefined,
    new MapError(
      [new TaskError({ index: 0, input: 'a' }, oops), new TaskError({ index: 2, input: 'c' }, oops)],
      3,
    ),
  );
});

marbles('early unsubscribe: the source is let go of, and what the task still gives is not seen', h => {
  const source = h.cold('    ab---c|');
  const unsubscribed = '     ---!';
  const subscription = '     ^--!';
  const task = asyncTask(h, {
    a: '                     --A',
    b: '                       ---B',
  });
  const result = '           --A';

  h.expectObservable(source.pipe(serialMap(task)), unsubscribed).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  h.flush();
  assert.equal(task.calls, ['a', 'b']);
});

marbles('take, which unsubscribes inside next: nothing more runs', h => {
  const source = h.cold('    abc|');
  const subscription = '     ^-!';
  const task = asyncTask(h, { a: '--A' });
  const result = '           --(A|)';

  h.expectObservable(source.pipe(serialMap(task), take(1))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  h.flush();
  assert.equal(task.calls, ['a']);
});

marbles('re-subscribe: each subscription is a run of its own', h => {
  const source = h.cold('    ab|');
  const task = asyncTask(h, { a: ['-A', '-#'], b: ['--B'] });
  const rows = source.pipe(serialMap(task));

  h.expectObservable(rows).toBe('           -A-(B|)');
  h.expectObservable(rows, '-----^').toBe(
    ' ------#',
    undefined,
    new TaskError({ index: 0, input: 'a' }, oops),
  );
  h.expectSubscriptions(source.subscriptions).toBe(['^-!', '-----^!']);
});

test('a synchronous source: synchronous throughout, and stopped under take(1)', () => {
  let read = 0;
  const endless = new Observable<number>(subscriber => {
    while (!subscriber.closed) subscriber.next(read++);
  });
  const log: unknown[] = [];
  endless
    .pipe(
      serialMap(x => x + 1),
      take(2),
    )
    .subscribe({ next: row => log.push(row), complete: () => log.push('|') });
  assert.equal(log, [1, 2, '|']);
  assert.is(read, 2);
});

test('unsubscribe inside next: the source is stopped there', () => {
  let read = 0;
  const endless = new Observable<number>(subscriber => {
    while (!subscriber.closed) subscriber.next(read++);
  });
  const subscriber: Subscriber<number> = new Subscriber<number>({
    next: () => subscriber.unsubscribe(),
    error: assert.unreachable,
    complete: assert.unreachable,
  });
  endless.pipe(serialMap(x => x + 1)).subscribe(subscriber);
  assert.is(read, 1);
});

marbles('retry with delay: other inputs run meanwhile, and input order stays', h => {
  const source = h.cold('    ab|');
  const task = asyncTask(h, { a: ['-#', '-A'], b: '-B' });
  const result = '           -----(AB|)';

  h.expectObservable(source.pipe(serialMap(task, { retry: { count: 1, delay: 3 } }))).toBe(result);
});

marbles('timeout: the run ends', h => {
  const source = h.cold('    a--b--');
  const subscription = '     ^---!';
  const result = '           A--B#';

  h.expectObservable(source.pipe(serialMap(upper, { timeout: 4 }))).toBe(
    result,
    undefined,
    new TaskTimeoutError({ index: undefined, input: undefined }, 4),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

test('taskTimeout: fails an async task that takes longer, in real time', async () => {
  const slow = (ms: number) => new Promise<number>(resolve => setTimeout(resolve, ms, ms));
  const error = await new Promise<unknown>(resolve =>
    of(1, 10_000)
      .pipe(serialMap(slow, { taskTimeout: 20 }))
      .subscribe({ error: resolve }),
  );
  assert.instance(error, TaskTimeoutError);
  assert.is((error as TaskTimeoutError).index, 1);
});

marbles('what makes the parallel twin parallel is no matter here', h => {
  const source = h.cold('    (ab|)');
  const task = asyncTask(h, { a: '-----A', b: '-B' });
  const executor = h.executorOf(4, {});
  const result = '           -----A(B|)';

  h.expectObservable(
    source.pipe(serialMap(task, { executor, concurrency: 4, chunk: 16, maxBuffered: 1, ordered: false })),
  ).toBe(result);
});

test('progress: as of parallelMap', () => {
  const progress = new Subject<Progress>();
  const log: unknown[] = [];
  progress.subscribe({
    next: ({ completed, failed, running, total }) => log.push([completed, failed, running, total]),
    complete: () => log.push('|'),
  });
  of(1, 2, 3)
    .pipe(serialMap(x => x, { progress }))
    .subscribe();
  assert.equal(log, [[0, 0, 0, undefined], [3, 0, 0, 3], '|']);
});

test('a sweep is read one input at a time', () => {
  const log: string[] = [];
  function* letters() {
    for (const letter of 'abc') {
      log.push(letter);
      yield letter;
    }
  }
  sweep(letters())
    .pipe(serialMap(upper))
    .subscribe(row => log.push(row));
  assert.equal(log, ['a', 'A', 'b', 'B', 'c', 'C']);
});

test('args, kwargs and spread: the parameters of each call', () => {
  const rows: unknown[] = [];
  const sumDiff = (x: number, y: number, { z = 0 }) => [x + y, x - y, z];
  zip([1, 2], [4, 5])
    .pipe(serialMap(sumDiff, { spread: true, kwargs: { z: 5 } }))
    .subscribe(row => rows.push(row));
  of(3)
    .pipe(serialMap((x: number, y: number) => x - y, { args: [1] }))
    .subscribe(row => rows.push(row));
  assert.equal(rows, [[5, -3, 5], [7, -3, 5], 2]);
});

test('closures and values of any kind: nothing is copied', () => {
  const row = { f: () => 0 };
  of(0)
    .pipe(serialMap(() => row))
    .subscribe(given => assert.is(given, row));
});

test('an error of the source that comes while nothing runs', () => {
  let error: unknown;
  throwError(() => oops)
    .pipe(serialMap(x => x))
    .subscribe({ error: e => (error = e) });
  assert.is(error, oops);
});

test('a wrong task or option: told by the call, not by the run', () => {
  const operator = serialMap as (task: unknown, options?: unknown) => unknown;
  assert.throws(() => operator(3), /^serialMap: the task must be a function, got number$/);
  assert.throws(() => operator(upper, { concurency: 2 }), /^serialMap: there is no option `concurency`/);
  assert.throws(
    () => operator(upper, { concurrency: 0 }),
    /^serialMap: `concurrency` must be a whole number from 1/,
  );
  assert.throws(() => operator(upper, { executor: 'threads' }), /^serialMap: `executor` must be an executor/);
  for (const options of [null, 5, 'fast', []])
    assert.throws(() => operator(upper, options), /^serialMap: the options must be an object/);
});

test('a task of serialMap may wait for another subscription of the same operator, as one of concatMap may', async () => {
  interface Tree {
    readonly value: number;
    readonly children: readonly Tree[];
  }
  const sum: OperatorFunction<Tree, number> = serialMap(
    async ({ value, children }: Tree) =>
      value +
      (await within(
        5,
        lastValueFrom(
          from(children).pipe(
            sum,
            reduce((a, b) => a + b, 0),
          ),
        ),
      )),
  );
  const leaf = (value: number): Tree => ({ value, children: [] });
  const tree = { value: 1, children: [leaf(2), { value: 3, children: [leaf(4)] }] };
  assert.is(await within(10, lastValueFrom(of(tree).pipe(sum))), 10);
});

test('tasks and observers of serialMap see the store of their own subscription, whoever pushes the inputs', async () => {
  for (const later of [false, true])
    for (const error of [undefined, oops]) {
      const [seen, beside] = [new SeenStores(), new SeenStores()];
      const inputs = new Subject<number>();
      const run = (own: SeenStores) =>
        inputs.pipe(
          serialMap(
            x => {
              own.note('task');
              return later ? Promise.resolve(x).finally(() => own.note('later')) : x;
            },
            { progress: own.progress },
          ),
        );
      const over = store.run('A', () => seen.subscribe(run(seen)));
      const besideOver = store.run('B', () => beside.subscribe(run(beside)));
      for (let x = 0; x < 5; x++) {
        store.run('C', () => inputs.next(x));
        if (x % 2 === 0) await Promise.resolve();
      }
      store.run('C', () => (error ? inputs.error(error) : inputs.complete()));
      await within(5, Promise.all([over, besideOver]));
      const end = error ? 'error' : 'complete';
      seen.only('A', 'task', 'finalize', end, `progress ${end}`, ...(later ? [] : ['next']));
      beside.only('B', 'task', 'finalize', end, `progress ${end}`, ...(later ? [] : ['next']));
    }
});

test.run();
