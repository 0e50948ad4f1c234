import { Observable, of, Subscriber, take, toArray } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TaskError, TaskTimeoutError, WorkerCrashError } from '../../lib/errors.js';
import { ChunkTimeoutError, WorkerLostError } from '../../lib/executor.js';
import { inline } from '../../lib/executors/inline.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { marbles, oops } from '../support/virtualTime.js';

/** What a marble executor has in place of it is marbles. */
const task = (letter: string): string => letter;

const inputs = 'abcdef';
/** The row of a letter of `abcdef`: its capital's when the task has returned, its own when it has failed. */
const rows = Object.fromEntries(
  [...inputs].flatMap((input, index) => [
    [input.toUpperCase(), { status: 'fulfilled', index, input, value: input.toUpperCase() }],
    [input, { status: 'rejected', index, input, reason: new TaskError({ index, input }, oops) }],
  ]),
);

marbles('never: silent, with a hold on the source', h => {
  const source = h.cold('    --');
  const subscription = '     ^-';
  const result = '           --';
  const executor = h.executorOf(2, {});

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('empty: completes with the source', h => {
  const source = h.cold('    --|');
  const subscription = '     ^-!';
  const result = '           --|';
  const executor = h.executorOf(2, {});

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('one: how it has settled, with its index and input', h => {
  const source = h.cold('    -a|');
  const subscription = '     ^-!';
  const executor = h.executorOf(2, {
    a: '                      --A-|',
  });
  const result = '           ---A-|';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result, rows);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '-^---!' });
});

marbles('many, some failing: rows in input order, and the run goes on', h => {
  const source = h.cold('    abcd|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -#',
    c: '                       --C|',
    d: '                          -----#',
  });
  const result = '           -----(AbC)(d|)';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result, rows);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({
    a: '                     ^-----!',
    b: '                     -^!',
    c: '                     --^--!',
    d: '                     -----^----!',
  });
});

marbles('many, as the doc comment has it', h => {
  const source = h.cold('    abc|');
  const executor = h.executorOf(2, {
    a: '                     ----A|',
    b: '                      -#',
    c: '                       ------C|',
  });
  const result = '           ----(AB)C|';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result, {
    ...rows,
    B: rows.b,
  });
});

marbles('ordered: false: rows in completion order, and the index tells which input', h => {
  const source = h.cold('    abcd|');
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -#',
    c: '                       --C|',
    d: '                          -----#',
  });
  const result = '           --b-CA----(d|)';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor, ordered: false }))).toBe(result, rows);
});

marbles('every task fails: completes all the same', h => {
  const source = h.cold('    (ab|)');
  const executor = h.executorOf(1, { a: '--#', b: '-#' });
  const result = '           --a(b|)';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result, rows);
});

marbles('a chunk of several inputs, the middle one failing: each row with its own input', h => {
  const source = h.cold('    (abcd|)');
  const executor = h.executorOf(1, { a: '-A|', bcd: '-B-?-D|' });
  const result = '           -A-B-c-D|';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor, chunk: 3 }))).toBe(result, rows);
});

marbles('source error: goes on at once', h => {
  const source = h.cold('    ab-#', undefined, oops);
  const subscription = '     ^--!';
  const executor = h.executorOf(2, { a: '-----A|', b: '-#' });
  const result = '           ---#';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }))).toBe(result, rows, oops);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^!' });
});

marbles('task error after its retries: the last one is the reason', h => {
  const source = h.cold('    ab|');
  const executor = h.executorOf(1, { a: ['-#', '-#'], b: '-B|' });
  const result = '           ----(aB|)';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor, retry: { count: 1, delay: 1 } }))).toBe(
    result,
    rows,
  );
  executor.expectChunks({ a: ['^!', '---^!'], b: '-^-!' });
});

marbles('a worker that dies, a task that takes too long: reasons as any other', h => {
  const exit = { exitCode: 1, reason: 'exit code 1' };
  const source = h.cold('    (abc|)');
  const executor = h.executorOf(
    1,
    { a: ['-#', '-#', '-#'], b: '-#', c: '-C|' },
    { a: new WorkerLostError(exit), b: new ChunkTimeoutError() },
  );
  const result = '           ---abC|';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor, taskTimeout: 1 }))).toBe(result, {
    ...rows,
    a: { ...rows.a, reason: new WorkerCrashError({ index: 0, input: 'a' }, exit) },
    b: { ...rows.b, reason: new TaskTimeoutError({ index: 1, input: 'b' }, 1) },
  });
});

marbles('timeout: errors, as no single task has failed', h => {
  const source = h.cold('    ab------');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, { a: '-A|', b: '------B|' });
  const result = '           -A--#';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor, timeout: 4 }))).toBe(
    result,
    rows,
    new TaskTimeoutError({ index: undefined, input: undefined }, 4),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('early unsubscribe: the source and every chunk are let go of at once', h => {
  const source = h.cold('    ab-----c|');
  const unsubscribed = '     ---!';
  const subscription = '     ^--!';
  const executor = h.executorOf(2, { a: '-----A|', b: '-#' });
  const result = '           ---';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor })), unsubscribed).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^!' });
});

marbles('unsubscribe inside next: nothing more is emitted, given out or held', h => {
  const source = h.cold('    ab----c|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, { a: '----A|', b: '-#' });
  const result = '           ----A';
  const first = new Observable(to => {
    const run = source.pipe(parallelMapSettled(task, { executor })).subscribe(row => {
      run.unsubscribe();
      to.next(row);
    });
  });

  h.expectObservable(first).toBe(result, rows);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^---!', b: '-^!' });
});

marbles('take: as unsubscribe inside next', h => {
  const source = h.cold('    ab----c|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, { a: '----A|', b: '-#' });
  const result = '           ----(A|)';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }), take(1))).toBe(result, rows);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('re-subscribe: each subscription counts from 0', h => {
  const source = h.cold('    ab|');
  const executor = h.executorOf(1, { a: ['--A|', '-#'], b: ['-B|', '-#'] });
  const settled = source.pipe(parallelMapSettled(task, { executor }));

  h.expectObservable(settled).toBe('            --A-B|', rows);
  h.expectObservable(settled, '------^').toBe(' -------a(b|)', rows);
  h.expectSubscriptions(source.subscriptions).toBe(['^-!', '------^-!']);
});

marbles('a synchronous source under take(1): what waits is dropped', h => {
  const source = h.cold('    (abc|)');
  const executor = h.executorOf(2, { a: '--#', b: '---B|' });
  const result = '           --(a|)';

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor }), take(1))).toBe(result, rows);
  h.expectSubscriptions(source.subscriptions).toBe('(^!)');
  executor.expectChunks({ a: '^-!', b: '^-!' });
});

test('a synchronous source and executor under take(1), or unsubscribed from inside next: the source is stopped', () => {
  let read = 0;
  const endless = new Observable<number>(subscriber => {
    while (!subscriber.closed) subscriber.next(read++);
  });
  const settled = endless.pipe(parallelMapSettled(x => x * 2, { executor: inline() }));
  const seen: unknown[] = [];
  settled.pipe(take(1)).subscribe(row => seen.push(row));
  assert.equal(seen, [{ status: 'fulfilled', index: 0, input: 0, value: 0 }]);
  assert.is(read, 1);
  const subscriber: Subscriber<unknown> = new Subscriber<unknown>({
    next: () => subscriber.unsubscribe(),
    error: assert.unreachable,
    complete: assert.unreachable,
  });
  settled.subscribe(subscriber);
  assert.is(read, 2);
});

marbles('concurrency and maxBuffered: as of parallelMap', h => {
  const source = h.cold('    (abcd|)');
  const executor = h.executorOf(2, { a: '---A|', b: '-#', c: '-#', d: '-D|' });

  h.expectObservable(source.pipe(parallelMapSettled(task, { executor, maxBuffered: 1 }), toArray())).toBe(
    '6ms (r|)',
    {
      r: [rows.A, rows.b, rows.c, rows.D],
    },
  );
  executor.expectChunks({ a: '^---!', b: '^!', c: '---^!', d: '----^-!' });
  h.flush();
  assert.is(executor.most, 2);
});

test('inputs are the source values themselves', () => {
  const input = { x: 1 };
  of(input)
    .pipe(parallelMapSettled(() => 0, { executor: inline() }))
    .subscribe(row => assert.is(row.input, input));
});

test('failFast cannot be true; other wrong options are told by name', () => {
  const operator = parallelMapSettled as (task: unknown, options?: unknown) => unknown;
  assert.throws(() => operator(task, { failFast: true }), /parallelMapSettled: `failFast` cannot be true/);
  assert.throws(
    () => operator(task, { failFast: 'no' }),
    /parallelMapSettled: `failFast` must be true or false/,
  );
  assert.throws(() => operator(task, { orderd: true }), /parallelMapSettled: there is no option `orderd`/);
  assert.throws(() => operator(undefined), /parallelMapSettled: the task must be a function, got undefined/);
  operator(task, { failFast: false, executor: inline() });
});

test.run();
