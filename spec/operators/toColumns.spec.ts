import { EMPTY, lastValueFrom, Observable, of, Subject, Subscriber, take } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { toColumns } from '../../operators/toColumns.js';
import { marbles, oops } from '../support/virtualTime.js';

const rows = { a: [0, 'a'], b: [1, 'b'], c: [2, 'c'] };
const columns = { r: [Float64Array.of(0, 1, 2), [...'abc']], o: [Float64Array.of(0), ['a']], e: [] };

marbles('never: silent, with a hold on the source', h => {
  const source = h.cold('    --');
  const subscription = '     ^-';
  const result = '           --';

  h.expectObservable(source.pipe(toColumns())).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('empty: no columns', h => {
  const source = h.cold('    --|');
  const subscription = '     ^-!';
  const result = '           --(e|)';

  h.expectObservable(source.pipe(toColumns())).toBe(result, columns);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('one: columns of one', h => {
  const source = h.cold('    -a-|', rows);
  const subscription = '     ^--!';
  const result = '           ---(o|)';

  h.expectObservable(source.pipe(toColumns())).toBe(result, columns);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('many: the columns, once, when the source completes', h => {
  const source = h.cold('    -a-bc-|', rows);
  const subscription = '     ^-----!';
  const result = '           ------(r|)';

  h.expectObservable(source.pipe(toColumns())).toBe(result, columns);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('source error: goes on, without columns', h => {
  const source = h.cold('    -a-b#', rows, oops);
  const subscription = '     ^---!';
  const result = '           ----#';

  h.expectObservable(source.pipe(toColumns())).toBe(result, undefined, oops);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('rows of differing shape: an error at the first that differs, and the source is let go of', h => {
  const source = h.cold('    -a-bx-c|', { ...rows, x: 7 });
  const subscription = '     ^---!';
  const result = '           ----#';

  h.expectObservable(source.pipe(toColumns())).toBe(
    result,
    undefined,
    new TypeError(
      'the row at index 2 is a single value where the rows before are a tuple of 2; make every row of one shape, or use parallelMap',
    ),
  );
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('early unsubscribe: the source is let go of', h => {
  const source = h.cold('    -a-b-|', rows);
  const unsubscribed = '     ---!';
  const subscription = '     ^--!';
  const result = '           ---';

  h.expectObservable(source.pipe(toColumns()), unsubscribed).toBe(result);
  h.expectSubscriptions(source.subscriptions).toBe(subscription);
});

marbles('re-subscribe: columns of their own', h => {
  const source = h.cold('    a|', rows);
  const result = source.pipe(toColumns());

  h.expectObservable(result).toBe('          -(o|)', columns);
  h.expectObservable(result, '---^').toBe('  ----(o|)', columns);
  h.expectSubscriptions(source.subscriptions).toBe(['^!', '---^!']);
});

test('unsubscribe inside next: does not complete', () => {
  const subscriber: Subscriber<unknown> = new Subscriber<unknown>({
    next: () => subscriber.unsubscribe(),
    error: assert.unreachable,
    complete: assert.unreachable,
  });
  of(1).pipe(toColumns()).subscribe(subscriber);
  assert.ok(subscriber.closed);
});

test('a synchronous source: read to its end under take(1), and no further than a row that does not fit', () => {
  let read = 0;
  const source = new Observable<unknown>(subscriber => {
    for (; read < 5 && !subscriber.closed; read++) subscriber.next(read === 3 ? 'x'.split('') : read);
    subscriber.complete();
  });
  let error: unknown;
  source.pipe(toColumns(), take(1)).subscribe({ error: e => (error = e) });
  assert.instance(error, TypeError);
  assert.is(read, 4);
  const log: unknown[] = [];
  of(1, 2)
    .pipe(toColumns(), take(1))
    .subscribe({ next: column => log.push(column), complete: () => log.push('|') });
  assert.equal(log, [Float64Array.of(1, 2), '|']);
});

test('no rows: an empty array', () => {
  EMPTY.pipe(toColumns()).subscribe(columns => assert.equal(columns, []));
});

test('a row whose getter pushes another one comes first, and columns stay together', async () => {
  const source = new Subject<{ a: number; b: number }>();
  const columns = lastValueFrom(source.pipe(toColumns()));
  let pushed = false;
  source.next({ a: 0, b: 0 });
  source.next({
    a: 1,
    get b() {
      if (!pushed) {
        pushed = true;
        source.next({ a: 2, b: 20 });
      }
      return 10;
    },
  });
  source.complete();
  assert.equal(await columns, { a: Float64Array.of(0, 1, 2), b: Float64Array.of(0, 10, 20) });
});

test.run();
