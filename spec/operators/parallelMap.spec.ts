import { map, Observable, of, Subject, Subscriber, take, toArray } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MapError, TaskError, TaskTimeoutError, WorkerCrashError } from '../../lib/errors.js';
import { ChunkTimeoutError, WorkerLostError } from '../../lib/executor.js';
import { inline } from '../../lib/executors/inline.js';
import type { Progress } from '../../lib/progress/progressMeter.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { marbles, oops } from '../support/virtualTime.js';

/** What a marble executor has in place of it is marbles. */
const task = (letter: string): string => letter;
const failed = new TaskError({ index: 0, input: 'a' }, oops);

marbles(
  'never: silent, with a hold on the source',
  ({ cold, executorOf, expectObservable, expectSubscriptions }) => {
    const source = cold('      --');
    const subscription = '     ^-';
    const result = '           --';
    const executor = executorOf(2, {});

    expectObservable(source.pipe(parallelMap(task, { executor }))).toBe(result);
    expectSubscriptions(source.subscriptions).toBe(subscription);
  },
);

marbles('empty: completes with the source', ({ cold, executorOf, expectObservable, expectSubscriptions }) => {
  const source = cold('      --|');
  const subscription = '     ^-!';
  const result = '           --|';
  const executor = executorOf(2, {});

  expectObservable(source.pipe(parallelMap(task, { executor }))).toBe(result);
  expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('one: its row, and completes when the worker is free', h => {
  const source = h.cold('    -a|');
  const subscription = '     ^-!';
  const executor = h.executorOf(2, {
    a: '                      --A-|',
  });
  const result = '           ---A-|';

  h.expectObservable(source.pipe(parallelMap(task, { executor }))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '-^---!' });
});

marbles('many: rows in input order, whichever is there first', h => {
  const source = h.cold('    abcd|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
    c: '                        -C|',
    d: '                          -----D|',
  });
  const result = '           -----(ABC)D|';

  h.expectObservable(source.pipe(parallelMap(task, { executor }))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({
    a: '                     ^-----!',
    b: '                     -^-!',
    c: '                     ---^-!',
    d: '                     -----^-----!',
  });
});

marbles('ordered: false: rows in completion order', h => {
  const source = h.cold('    abcd|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
    c: '                        -C|',
    d: '                          -----D|',
  });
  const result = '           --B-CA----D|';

  h.expectObservable(source.pipe(parallelMap(task, { executor, ordered: false }))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('a chunk of several inputs: rows as they are reported; what its worker hands back runs anew', h => {
  const source = h.cold('    (abc|)');
  const executor = h.executorOf(1, {
    a: '                     ---A|',
    bc: '                        -B---|',
    c: '                              -C|',
  });
  const result = '           ---A-B----C|';

  h.expectObservable(source.pipe(parallelMap(task, { executor, chunk: 2 }))).toBe(result);
  executor.expectChunks({
    a: '                     ^---!',
    bc: '                    ----^----!',
    c: '                     ---------^-!',
  });
});

marbles('source error: goes on at once, and the chunks are let go of', h => {
  const source = h.cold('    ab-#', undefined, oops);
  const subscription = '     ^--!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
  });
  const result = '           ---#';

  h.expectObservable(source.pipe(parallelMap(task, { executor }))).toBe(result, undefined, oops);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^-!' });
});

marbles('task error: the first one in time ends the run, earlier inputs or not', h => {
  const source = h.cold('    abc-|');
  const subscription = '     ^--!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      --#',
  });
  const result = '           ---#';

  h.expectObservable(source.pipe(parallelMap(task, { executor }))).toBe(
    result,
    undefined,
    new TaskError({ index: 1, input: 'b' }, oops),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^-!' });
});

marbles('failFast: false: the good rows, then every failure', h => {
  const source = h.cold('    abcd|');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, {
    a: '                     ---A|',
    b: '                      -#',
    c: '                       --C|',
    d: '                         -#',
  });
  const result = '           ---AC#';

  h.expectObservable(source.pipe(parallelMap(task, { executor, failFast: false }))).toBe(
    result,
    undefined,
    new MapError(
      [new TaskError({ index: 1, input: 'b' }, oops), new TaskError({ index: 3, input: 'd' }, oops)],
      4,
    ),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^---!', b: '-^!', c: '--^--!', d: '----^!' });
});

marbles('failFast: false, failures in another order than their inputs: the MapError has them by index', h => {
  const source = h.cold('    (ab|)');
  const executor = h.executorOf(2, {
    a: '                     --#',
    b: '                     -#',
  });
  const result = '           --#';

  h.expectObservable(source.pipe(parallelMap(task, { executor, failFast: false, ordered: false }))).toBe(
    result,
    undefined,
    new MapError(
      [new TaskError({ index: 0, input: 'a' }, oops), new TaskError({ index: 1, input: 'b' }, oops)],
      2,
    ),
  );
});

marbles('early unsubscribe: the source and every chunk are let go of at once', h => {
  const source = h.cold('    ab-----c|');
  const unsubscribed = '     ---!';
  const subscription = '     ^--!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
  });
  const result = '           ---';

  h.expectObservable(source.pipe(parallelMap(task, { executor })), unsubscribed).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^--!', b: '-^-!' });
  h.flush();
  assert.is(executor.forgotten.length, 1, 'the executor is told');
});

marbles('unsubscribe inside next: nothing more is emitted, given out or held', h => {
  const source = h.cold('    abc---d|');
  const subscription = '     ^----!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
    c: '                        -----C|',
  });
  const result = '           -----A';
  const first = new Observable<string>(to => {
    const run = source.pipe(parallelMap(task, { executor })).subscribe({
      next: row => {
        run.unsubscribe();
        to.next(row);
      },
      complete: () => to.complete(),
    });
  });

  h.expectObservable(first).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^----!', b: '-^-!', c: '---^-!' });
});

marbles('take: as unsubscribe inside next', h => {
  const source = h.cold('    abc---d|');
  const subscription = '     ^----!';
  const executor = h.executorOf(2, {
    a: '                     -----A|',
    b: '                      -B|',
    c: '                        -----C|',
  });
  const result = '           -----(A|)';

  h.expectObservable(source.pipe(parallelMap(task, { executor }), take(1))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^----!', b: '-^-!', c: '---^-!' });
});

marbles('re-subscribe: each subscription is a run of its own', h => {
  const source = h.cold('    ab|');
  const executor = h.executorOf(1, {
    a: ['                    --A|', '-#'],
    b: ['                       -B|'],
  });
  const result = '           --A-B|';
  const rows = source.pipe(parallelMap(task, { executor }));

  h.expectObservable(rows).toBe(result);
  h.expectObservable(rows, '  ------^').toBe(
    '-------#',
    undefined,
    new TaskError({ index: 0, input: 'a' }, oops),
  );
  h.expectSubscriptions(source.subscriptions).toBe(['^-!', '------^!']);
  executor.expectChunks({ a: ['^--!', '------^!'], b: '---^-!' });
  h.flush();
  assert.is(new Set(executor.forgotten).size, 2, 'two runs are over');
});

marbles('one operator for two sources at once: their runs do not meet', h => {
  const one = h.cold('       ab|');
  const two = h.cold('       cd|');
  const executor = h.executorOf(1, {
    a: '                     --A|',
    b: '                        -B|',
    c: '                     ---C|',
    d: '                         -D|',
  });
  const operator = parallelMap(task, { executor });

  h.expectObservable(one.pipe(operator)).toBe('--A-B|');
  h.expectObservable(two.pipe(operator)).toBe('---C-D|');
});

marbles('a synchronous source: its inputs wait for workers, and under take(1) the rest is dropped', h => {
  const source = h.cold('    (abcd|)');
  const executor = h.executorOf(2, {
    a: '                     --A|',
    b: '                     ----B|',
  });
  const result = '           --(A|)';

  h.expectObservable(source.pipe(parallelMap(task, { executor }), take(1))).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe('(^!)');
  executor.expectChunks({ a: '^-!', b: '^-!' });
});

test('a synchronous source and executor under take(1): the source is stopped at its first value', () => {
  let read = 0;
  const endless = new Observable<number>(subscriber => {
    while (!subscriber.closed) subscriber.next(read++);
  });
  const rows: number[] = [];
  endless
    .pipe(
      parallelMap(x => x * 2, { executor: inline() }),
      take(1),
    )
    .subscribe(row => rows.push(row));
  assert.equal(rows, [0]);
  assert.is(read, 1);
});

test('a synchronous run that is unsubscribed from inside next: the source is stopped there', () => {
  let read = 0;
  const endless = new Observable<number>(subscriber => {
    while (!subscriber.closed) subscriber.next(read++);
  });
  const rows: number[] = [];
  const subscriber: Subscriber<number> = new Subscriber<number>(
    // biome-ignore format: an observer of one line
    { next: row => { rows.push(row); if (row === 4) subscriber.unsubscribe(); }, error: assert.unreachable, complete: assert.unreachable },
  );
  endless.pipe(parallelMap(x => x * 2, { executor: inline() })).subscribe(subscriber);
  assert.equal(rows, [0, 2, 4]);
  assert.is(read, 3);
});

test('unsubscribe inside next, when more has come by then: it is not run', () => {
  const source = new Subject<number>();
  const calls: number[] = [];
  const run = source
    .pipe(parallelMap(x => calls.push(x), { executor: inline({ concurrency: 2 }) }))
    .subscribe(() => {
      source.next(2);
      run.unsubscribe();
    });
  source.next(1);
  assert.equal(calls, [1]);
});

test('inputs that come while a row is emitted wait for their turn, as of an expand', () => {
  const source = new Subject<number>();
  const rows: number[] = [];
  source.pipe(parallelMap(x => x, { executor: inline() })).subscribe(row => {
    rows.push(row);
    if (row < 3) {
      source.next(row + 1);
      source.next(row + 10);
    }
  });
  source.next(1);
  assert.equal(rows, [1, 2, 11, 3, 12]);
});

marbles('concurrency: so many chunks at once, fewer or more than the executor has workers', h => {
  const source = h.cold('    (abcd|)');
  const chunks = {
    a: '                     --A|',
    b: '                     ----B|',
    c: '                     -----C|',
    d: '                     ------D|',
  };
  const results: [number | undefined, most: number, result: string][] = [
    [1, 1, '                 --A----B-----C------D|'],
    [undefined, 2, '         --A-B---C--D|'],
    [9, 4, '                 --A-BCD|'],
  ];
  const executors = results.map(([concurrency, , result]) => {
    const executor = h.executorOf(2, chunks);
    const operator = parallelMap(task, { executor, ...(concurrency && { concurrency }) });
    h.expectObservable(source.pipe(operator)).toBe(result);
    return executor;
  });
  h.flush();
  assert.equal(
    executors.map(({ most }) => most),
    results.map(([, most]) => most),
  );
});

marbles('retry: at once, as often as it says', h => {
  const source = h.cold('    a|');
  const executor = h.executorOf(2, {
    a: ['                    -#', '-#', '-A|'],
  });
  const result = '           ---A|';

  h.expectObservable(source.pipe(parallelMap(task, { executor, retry: 2 }))).toBe(result);
  executor.expectChunks({ a: ['^!', '-^!', '--^-!'] });
});

marbles('retry with delay: other inputs run meanwhile, and input order stays', h => {
  const source = h.cold('    (abc|)');
  const executor = h.executorOf(1, {
    a: ['                    -#', '-#', '-A|'],
    b: '                      --B|',
    c: '                          ----C|',
  });
  const rows = source.pipe(parallelMap(task, { executor, retry: { count: 2, delay: 2 } }), toArray());

  h.expectObservable(rows).toBe('12ms (r|)', { r: [...'ABC'] });
  executor.expectChunks({
    a: ['                    ^!', '----^!', '----------^-!'],
    b: '                     -^--!',
    c: '                     -----^----!',
  });
});

marbles('retries used up: the last failure', h => {
  const source = h.cold('    a|');
  const executor = h.executorOf(2, {
    a: ['                    -#', '-#'],
  });
  const result = '           -----#';

  h.expectObservable(source.pipe(parallelMap(task, { executor, retry: { count: 1, delay: 3 } }))).toBe(
    result,
    undefined,
    new TaskError({ index: 0, input: 'a' }, oops),
  );
  executor.expectChunks({ a: ['^!', '----^!'] });
});

marbles('unsubscribe while a retry is due: it never comes', h => {
  const source = h.cold('    a-----|');
  const unsubscribed = '     --!';
  const executor = h.executorOf(2, {
    a: ['                    -#', '-A|'],
  });

  h.expectObservable(
    source.pipe(parallelMap(task, { executor, retry: { count: 1, delay: 3 } })),
    unsubscribed,
  ).toBe('');
  h.expectSubscriptions(source.subscriptions).toBe('^-!');
  executor.expectChunks({ a: '^!' });
});

marbles('timeout: the run ends, with whatever it holds', h => {
  const source = h.cold('    ab------');
  const subscription = '     ^---!';
  const executor = h.executorOf(2, {
    a: '                     -A|',
    b: '                      ------B|',
  });
  const result = '           -A--#';

  h.expectObservable(source.pipe(parallelMap(task, { executor, timeout: 4 }))).toBe(
    result,
    undefined,
    new TaskTimeoutError({ index: undefined, input: undefined }, 4),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
  executor.expectChunks({ a: '^-!', b: '-^--!' });
});

marbles('a run that ends before its timeout: nothing is left behind', h => {
  const source = h.cold('    a|');
  const executor = h.executorOf(2, {
    a: '                     -A|',
  });

  h.expectObservable(source.pipe(parallelMap(task, { executor, timeout: 4 }))).toBe('-A|');
});

marbles('taskTimeout: the executor gives up the chunk, and its input is failed', h => {
  const source = h.cold('    ab|');
  const executor = h.executorOf(2, { a: '-----#', b: '-B|' }, { a: new ChunkTimeoutError() });
  const result = '           --B--#';

  h.expectObservable(
    source.pipe(parallelMap(task, { executor, taskTimeout: 5, failFast: false, ordered: false })),
  ).toBe(result, undefined, new MapError([new TaskTimeoutError({ index: 0, input: 'a' }, 5)], 2));
  executor.expectChunks({ a: '^----!', b: '-^-!' });
});

marbles('a worker that dies: its input runs again, and is failed when it has killed three', h => {
  const lost = new WorkerLostError({ exitCode: 9, reason: 'exit code 9' });
  const source = h.cold('    a-b|');
  const executor = h.executorOf(2, { a: ['--#', '--#', '--#'], b: '--B|' }, { a: lost });
  const result = '           ----B-#';

  h.expectObservable(source.pipe(parallelMap(task, { executor, ordered: false }))).toBe(
    result,
    undefined,
    new WorkerCrashError({ index: 0, input: 'a' }, { exitCode: 9, reason: 'exit code 9' }),
  );
  executor.expectChunks({ a: ['^-!', '--^-!', '----^-!'], b: '--^--!' });
});

marbles('any other error of the executor: ends the run as it is', h => {
  const source = h.cold('    ab-|');
  const executor = h.executorOf(2, { a: '--#', b: '---B|' }, { a: oops });
  const result = '           --#';

  h.expectObservable(source.pipe(parallelMap(task, { executor, retry: 3, failFast: false }))).toBe(
    result,
    undefined,
    oops,
  );
  h.expectSubscriptions(source.subscriptions).toBe('^-!');
  executor.expectChunks({ a: '^-!', b: '-^!' });
});

marbles('an executor that throws: as one that errors', h => {
  const source = h.cold('    -a');
  const executor = {
    ...h.executorOf(2, {}),
    run: () => {
      throw oops;
    },
  };

  h.expectObservable(source.pipe(parallelMap(task, { executor }))).toBe('-#', undefined, oops);
  h.expectSubscriptions(source.subscriptions).toBe('^!');
});

marbles('maxBuffered: no further input is given out while so many rows wait for an earlier one', h => {
  const source = h.cold('    (abcde|)');
  const executor = h.executorOf(2, {
    a: '                     -------A--|',
    b: '                     -B|',
    c: '                       -C|',
    d: '                            -D|',
    e: '                              -E|',
  });
  const rows = source.pipe(parallelMap(task, { executor, maxBuffered: 2 }), toArray());

  h.expectObservable(rows).toBe('11ms (r|)', { r: [...'ABCDE'] });
  executor.expectChunks({
    a: '                     ^---------!',
    b: '                     ^-!',
    c: '                     --^-!',
    d: '                     -------^-!',
    e: '                     ---------^-!',
  });
});

marbles('maxBuffered: of no account in completion order', h => {
  const source = h.cold('    (abcd|)');
  const executor = h.executorOf(2, {
    a: '                     -------A--|',
    b: '                     -B|',
    c: '                       -C|',
    d: '                         -D|',
  });
  const result = '           -B-C-D-A--|';

  h.expectObservable(source.pipe(parallelMap(task, { executor, maxBuffered: 1, ordered: false }))).toBe(
    result,
  );
});

marbles('progress: notes beside the rows, and completes before them', h => {
  const source = h.cold('    ab|');
  const executor = h.executorOf(1, {
    a: '                     60ms A|',
    b: '                     60ms B|',
  });
  const progress = new Subject<Progress>();
  const note = (elapsed: number, completed: number, running: number, total?: number): Progress => ({
    completed,
    failed: 0,
    running,
    elapsed,
    rate: (completed / (elapsed || 1)) * 1000,
    ...(total !== undefined && { total, fraction: completed / total }),
    ...(completed === total && { remaining: 0 }),
  });
  h.expectObservable(progress).toBe('0ms s 59ms a 60ms b (c|)', {
    s: note(0, 0, 0),
    a: note(60, 1, 0, 2),
    b: note(121, 2, 0, 2),
    c: note(122, 2, 0, 2),
  });
  h.expectObservable(source.pipe(parallelMap(task, { executor, progress }))).toBe('60ms A 60ms B|');
});

marbles('progress of a run that ends early: errors with it; of one that is unsubscribed from: stops', h => {
  const endings = [
    { source: 'a--#', chunk: '-----A|', unsubscribed: '', result: '---#', progress: 's--(r#)', error: oops },
    { source: 'a---', chunk: '--#', unsubscribed: '', result: '--#', progress: 's-(f#)', error: failed },
    {
      source: 'a---',
      chunk: '-----A|',
      unsubscribed: '---!',
      result: '---',
      progress: 's--',
      error: undefined,
    },
  ];
  for (const { source, chunk, unsubscribed, result, progress, error } of endings) {
    const notes = new Subject<Progress>();
    const counts = notes.pipe(map(({ completed, failed, running }) => ({ completed, failed, running })));
    h.expectObservable(counts).toBe(
      progress,
      {
        s: { completed: 0, failed: 0, running: 0 },
        r: { completed: 0, failed: 0, running: 1 },
        f: { completed: 0, failed: 1, running: 0 },
      },
      error,
    );
    const executor = h.executorOf(1, { a: chunk });
    const run = h.cold(source, undefined, oops).pipe(parallelMap(task, { executor, progress: notes }));
    h.expectObservable(run, unsubscribed || null).toBe(result, undefined, error);
  }
});

test('a sweep is read as workers take it, and its generator ends with the run', () => {
  const log: string[] = [];
  function* letters() {
    try {
      for (const letter of 'abcdef') {
        log.push(letter);
        yield letter;
      }
    } finally {
      log.push('finally');
    }
  }
  const rows: string[] = [];
  const run = sweep(letters()).pipe(
    parallelMap(letter => letter.toUpperCase(), { executor: inline() }),
    take(2),
  );
  run.subscribe(row => rows.push(row));
  assert.equal(rows, ['A', 'B']);
  assert.equal(log, ['a', 'b', 'finally']);
});

test('args, kwargs and spread: the parameters of each call', () => {
  const calls: unknown[][] = [];
  const note = (...parameters: unknown[]) => void calls.push(parameters);
  const executor = inline();
  of(1).pipe(parallelMap(note, { executor })).subscribe();
  of(1)
    .pipe(parallelMap(note, { executor, args: ['a', 'b'] }))
    .subscribe();
  of(1)
    .pipe(parallelMap(note, { executor, args: ['a'], kwargs: { z: 5 } }))
    .subscribe();
  of<[number, number]>([1, 2])
    .pipe(parallelMap(note, { executor, spread: true, kwargs: { z: 5 } }))
    .subscribe();
  assert.equal(calls, [[1], [1, 'a', 'b'], [1, 'a', { z: 5 }], [1, 2, { z: 5 }]]);
});

test('a wrong task or option: told by the call, not by the run', () => {
  const operator = parallelMap as (task: unknown, options?: unknown) => unknown;
  assert.throws(() => operator(3), /^parallelMap: the task must be a function, got number$/);
  assert.throws(() => operator(task, { concurency: 2 }), /parallelMap: there is no option `concurency`/);
  assert.throws(
    () => operator(task, { concurrency: 0 }),
    (error: unknown) => error instanceof RangeError,
  );
  assert.throws(() => operator(task, null), /the options must be an object/);
});

test.run();
