import { Observable, range, Subscriber, take, zip } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MapError, TaskError, TaskTimeoutError } from '../../lib/errors.js';
import { ChunkTimeoutError } from '../../lib/executor.js';
import { inline } from '../../lib/executors/inline.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parfor } from '../../operators/parfor.js';
import { marbles, oops } from '../support/virtualTime.js';

/** What a marble executor has in place of it is marbles. */
const task = (letter: string): string => letter;
/** The column of some letters, and of none. */
const columns = { r: [...'ABCD'], o: ['A'], e: [] };

marbles('never: silent, with a hold on the source', h => {
  const source = h.cold('    --');
  const subscription = '     ^-';
  const result = '           --';
  const executor = h.executorOf(2, {});

  h.expectObservable(source.pipe(parfor(task, { executor }))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('empty: no columns, when the source completes', h => {
  const source = h.cold('    --|');
  const subscription = '     ^-!';
  const result = '           --(e|)';
  const executor = h.executorOf(2, {});

  h.expectObservable(source.pipe(parfor(task, { executor }))).toBe(result, columns);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('one: a column of one, when the worker is free', h => {
  const source = h.cold('    -a|');
  const subscription = '     ^-!';
  const executor = h.executorOf(2, {
    a: '                      --A-|',
  });
  const result = '           -----(o|)';

  h.expectObservable(source.pipe(parfor(task, { executor }))).toBe(result, columns);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '-^---!' });
});

marbles('many: the columns in input order, once, when all is done', h => {
  const source = h.cold('    abcd|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
    c: '                        -C|',
    d: '                          -----D|',
  });
  const result = '           -----------(r|)';

  h.expectObservable(source.pipe(parfor(task, { executor }))).toBe(result, columns);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('ordered: false: the columns in completion order', h => {
  const source = h.cold('    (abcd|)');
  const executor = h.executorOf(2, { a: '-----A|', b: '-B|', c: '-C|', d: '-D|' });
  const result = '           ------(r|)';

  h.expectObservable(source.pipe(parfor(task, { executor, ordered: false }))).toBe(result, {
    r: [...'BCAD'],
  });
});

marbles('source error: goes on at once, without columns', h => {
  const source = h.cold('    ab-#', undefined, oops);
  const subscription = '     ^--!';
  const executor = h.executorOf(2, { a: '-A|', b: '-----B|' });
  const result = '           ---#';

  h.expectObservable(source.pipe(parfor(task, { executor }))).toBe(result, undefined, oops);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^-!', b: '-^-!' });
});

marbles('task error: ends the run, without columns', h => {
  const source = h.cold('    abc-|');
  const subscription = '     ^--!';
  const executor = h.executorOf(2, { a: '-----A|', b: '--#' });
  const result = '           ---#';

  h.expectObservable(source.pipe(parfor(task, { executor }))).toBe(
    result,
    undefined,
    new TaskError({ index: 1, input: 'b' }, oops),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^-!' });
});

marbles('failFast: false: goes on past failures, then errors without columns', h => {
  const source = h.cold('    (abc|)');
  const executor = h.executorOf(1, { a: '-A|', b: '-#', c: '-C|' });
  const result = '           -----#';

  h.expectObservable(source.pipe(parfor(task, { executor, failFast: false }))).toBe(
    result,
    undefined,
    new MapError([new TaskError({ index: 1, input: 'b' }, oops)], 3),
  );
  executor.expectChunks({ a: '^-!', b: '--^!', c: '---^-!' });
});

marbles('early unsubscribe: the source and every chunk are let go of at once', h => {
  const source = h.cold('    ab-----c|');
  const unsubscribed = '     ---!';
  const subscription = '     ^--!';
  const executor = h.executorOf(2, { a: '-----A|', b: '-B|' });
  const result = '           ---';

  h.expectObservable(source.pipe(parfor(task, { executor })), unsubscribed).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^-!' });
});

marbles('unsubscribe inside next: does not complete', h => {
  const source = h.cold('    a|');
  const executor = h.executorOf(1, { a: '-A|' });
  const result = '           --o';
  const first = new Observable(to => {
    const run = source.pipe(parfor(task, { executor })).subscribe({
      next: columns => {
        run.unsubscribe();
        to.next(columns);
      },
      complete: () => to.complete(),
    });
  });

  h.expectObservable(first).toBe(result, columns);
});

marbles('re-subscribe: columns of their own', h => {
  const source = h.cold('    a|');
  const executor = h.executorOf(1, { a: ['-A|', '-A|'] });
  const result = source.pipe(parfor(task, { executor }));

  h.expectObservable(result).toBe('           --(o|)', columns);
  h.expectObservable(result, '------^').toBe('--------(o|)', columns);
  h.expectSubscriptions(source.subscriptions).toBe(['^!', '------^!']);
  executor.expectChunks({ a: ['^-!', '------^-!'] });
});

test('a synchronous source under take(1): all of it, as the columns come last; unsubscribed first, none of it', () => {
  let read = 0;
  const source = new Observable<number>(subscriber => {
    for (; read < 5 && !subscriber.closed; read++) subscriber.next(read);
    subscriber.complete();
  });
  const log: unknown[] = [];
  source
    .pipe(
      parfor(x => x, { executor: inline() }),
      take(1),
    )
    .subscribe({ next: column => log.push(column), complete: () => log.push('|') });
  assert.equal(log, [Float64Array.of(0, 1, 2, 3, 4), '|']);

  read = 0;
  const subscriber: Subscriber<unknown> = new Subscriber<unknown>({
    next: assert.unreachable,
    error: assert.unreachable,
    complete: assert.unreachable,
  });
  const stopping = (x: number) => {
    if (x === 2) subscriber.unsubscribe();
    return x;
  };
  source.pipe(parfor(stopping, { executor: inline() })).subscribe(subscriber);
  assert.is(read, 3);
});

marbles('parfor takes concurrency and retry with a delay as parallelMap does', h => {
  const source = h.cold('    (abcd|)');
  const executor = h.executorOf(2, { a: ['-#', '-A|'], b: '---B|', c: '-C|', d: '-D|' });
  const result = '           -----------(r|)';

  h.expectObservable(
    source.pipe(parfor(task, { executor, concurrency: 1, retry: { count: 1, delay: 4 }, maxBuffered: 2 })),
  ).toBe(result, columns);
  executor.expectChunks({ a: ['^!', '-----^-!'], b: '-^---!', c: '-------^-!', d: '---------^-!' });
});

marbles(
  'parfor waits for no earlier row: a slow first one leaves the other worker its work, and columns are in order',
  h => {
    const source = h.cold('    (abcd|)');
    const executor = h.executorOf(2, { a: '-------A|', b: '-B|', c: '-C|', d: '-D|' });
    const result = '           --------(r|)';

    h.expectObservable(source.pipe(parfor(task, { executor, maxBuffered: 1 }))).toBe(result, columns);
    executor.expectChunks({ a: '^-------!', b: '^-!', c: '--^-!', d: '----^-!' });
  },
);

marbles('timeout and taskTimeout: as of parallelMap', h => {
  const source = h.cold('    a');
  const executor = h.executorOf(1, { a: ['------A|', '---#'] }, { a: new ChunkTimeoutError() });

  h.expectObservable(source.pipe(parfor(task, { executor, timeout: 4 }))).toBe(
    '                        ----#',
    undefined,
    new TaskTimeoutError({ index: undefined, input: undefined }, 4),
  );
  h.expectObservable(source.pipe(parfor(task, { executor, taskTimeout: 3 })), '-----^').toBe(
    '                        --------#',
    undefined,
    new TaskTimeoutError({ index: 0, input: 'a' }, 3),
  );
});

test('tuples give an array of columns, records an object of columns, all else one column', () => {
  const seen: unknown[] = [];
  const executor = inline();
  range(0, 3)
    .pipe(parfor(x => [x, `${x}`], { executor }))
    .subscribe(columns => seen.push(columns));
  range(0, 3)
    .pipe(parfor(x => ({ x, square: x ** 2 }), { executor }))
    .subscribe(columns => seen.push(columns));
  range(0, 3)
    .pipe(parfor(x => x > 0, { executor }))
    .subscribe(columns => seen.push(columns));
  assert.equal(seen, [
    [Float64Array.of(0, 1, 2), ['0', '1', '2']],
    { x: Float64Array.of(0, 1, 2), square: Float64Array.of(0, 1, 4) },
    [false, true, true],
  ]);
});

test('rows of differing shape: an error that names the first index, and the run is over', () => {
  let read = 0;
  let error: unknown;
  const source = new Observable<number>(subscriber => {
    for (; read < 9 && !subscriber.closed; read++) subscriber.next(read);
  });
  source
    .pipe(parfor(x => (x < 4 ? [x, x] : [x]) as number[], { executor: inline() }))
    .subscribe({ next: () => assert.unreachable(), error: e => (error = e) });
  assert.instance(error, TypeError);
  assert.match(
    (error as Error).message,
    /the row at index 4 is a tuple of 1 where the rows before are a tuple of 2/,
  );
  assert.is(read, 5);
});

test('a sweep is read as workers take it, and its generator ends with the run', () => {
  const log: unknown[] = [];
  function* values() {
    try {
      for (let x = 0; ; x++) yield x;
    } finally {
      log.push('finally');
    }
  }
  const failing = (x: number) => {
    if (x === 2) throw oops;
    log.push(x);
    return x;
  };
  sweep(values())
    .pipe(parfor(failing, { executor: inline() }))
    .subscribe({ error: () => log.push('error') });
  assert.equal(log, [0, 1, 'error', 'finally']);
});

test('args, kwargs and spread: the parameters of each call', () => {
  const sumDiff = (x: number, y: number, { z = 0 }) => [x + y, x - y, z];
  zip([1, 2, 3], [4, 5, 6])
    .pipe(parfor(sumDiff, { spread: true, kwargs: { z: 5 }, executor: inline() }))
    .subscribe(columns =>
      assert.equal(columns, [
        Float64Array.of(5, 7, 9),
        Float64Array.of(-3, -3, -3),
        Float64Array.of(5, 5, 5),
      ]),
    );
});

test('a wrong task or option: told by the call, not by the run', () => {
  const operator = parfor as (task: unknown, options?: unknown) => unknown;
  assert.throws(() => operator(3), /^parfor: the task must be a function, got number$/);
  assert.throws(() => operator(task, { concurency: 2 }), /^parfor: there is no option `concurency`/);
});

test.run();
