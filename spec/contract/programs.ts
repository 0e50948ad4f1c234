import fc from 'fast-check';
import { from, type Observable, take } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { MapError, TaskError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import type { MapOptions } from '../../lib/options/mapOptions.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { type Order, obey } from '../fixtures/programs.js';
import { timed } from '../support/deadline.js';
import { difference } from '../support/same.js';
import { outcomeOf, rowsOf, type Subject } from './subject.js';

/** Options of a run whose inputs are single values. */
type Options = MapOptions<[], never> & { spread?: false };

/** What is to come of an order: a row, or an error of that name. */
function model({ deed, x }: Order, crosses: boolean): { row: unknown } | { error: string } {
  if (deed === 'throw' || deed === 'reject') return { error: 'TaskError' };
  if (deed === 'exit') return { error: 'WorkerCrashError' };
  if (deed === 'hang') return { error: 'TaskTimeoutError' };
  if (deed === 'function') return crosses ? { error: 'NotTransferableError' } : { row: undefined };
  return {
    row: { tuple: [x, -x], text: `${x}`, array: new Float64Array(1_000).fill(x) }[deed as string] ?? x,
  };
}

/** Random programs of inputs, outcomes, options and ends give what a list of them says. */
export function programs({ name, make, crosses, processes }: Subject): void {
  const programs = suite(`${name}: random programs`);
  const it = timed(programs);
  let executor: Executor;
  programs.before(() => {
    executor = make({ workers: 2 });
  });
  programs.after(() => executor.close());

  const harmless: Order['deed'][] = [
    'number',
    'number',
    'tuple',
    'text',
    'throw',
    'reject',
    'wait',
    'work',
    'array',
  ];
  const order = (...deeds: Order['deed'][]) =>
    fc.record<Order>({ deed: fc.constantFrom(...deeds), x: fc.nat(1_000) });
  // At most one of the dear ones.
  const anyOrders = fc
    .tuple(
      fc.array(order(...harmless, ...(crosses ? (['function'] as const) : [])), { maxLength: 40 }),
      fc.option(
        order(
          'hang',
          ...(crosses ? (['exit', 'exit', 'exit'] as const) : (['wait', 'throw', 'work'] as const)),
        ),
        { freq: 4 },
      ),
      fc.nat(40),
    )
    .map(([orders, dear, at]) => (dear ? orders.toSpliced(at, 0, dear) : orders));
  const anyOptions: fc.Arbitrary<Options> = fc.record(
    {
      ordered: fc.boolean(),
      chunk: fc.constantFrom('auto' as const, 1, 3, 50),
      concurrency: fc.integer({ min: 1, max: 4 }),
      retry: fc.constantFrom(0, 0, 1, { count: 1, delay: 3 }),
      maxBuffered: fc.constantFrom(1, 3, 100),
    },
    { requiredKeys: [] },
  );
  const property = (
    check: (orders: Order[], source: Observable<Order>, options: Options, n: number) => Promise<void>,
  ) =>
    fc.assert(
      fc.asyncProperty(anyOrders, fc.boolean(), anyOptions, fc.nat(20), async (orders, pulled, options, n) =>
        check(orders, pulled ? sweep(orders) : from(orders), { ...options, executor, taskTimeout: 1_500 }, n),
      ),
      // A program that hangs fails by fast-check's own limit, which prints its seed, before that of the test.
      { numRuns: processes ? 15 : 30, endOnFailure: true, timeout: 20_000 },
    );

  it(
    'settle every input once, as it says',
    () =>
      property(async (orders, source, options) => {
        const rows = await rowsOf(source.pipe(parallelMapSettled(obey, options)));
        if (options.ordered !== false) assert.ok(rows.every((row, i) => row.index === i));
        rows.sort((a, b) => a.index - b.index);
        assert.equal(
          rows.map(row => row.input),
          orders,
        );
        for (const row of rows) {
          const expected = model(row.input, crosses);
          if ('error' in expected) {
            assert.is(row.status === 'rejected' && row.reason.name, expected.error);
            assert.equal(row.status === 'rejected' && [row.reason.index, row.reason.input], [
              row.index,
              row.input,
            ]);
          } else if (row.input.deed !== 'function')
            assert.is(difference(row.status === 'fulfilled' && row.value, expected.row), undefined);
          else assert.is(row.status, 'fulfilled');
        }
      }),
    60,
  );

  it(
    'give the rows that they can, and then every error',
    () =>
      property(async (orders, source, options) => {
        const { rows, error, completed } = await outcomeOf(
          source.pipe(parallelMap(obey, { ...options, failFast: false })),
        );
        const all = orders.map(order => model(order, crosses));
        const good = all.flatMap(one => ('row' in one ? [one.row] : []));
        const bad = all.flatMap((one, i) => ('error' in one ? [`${i} ${one.error}`] : []));
        assert.is(rows.length, good.length);
        if (options.ordered !== false && crosses) assert.is(difference(rows, good), undefined);
        assert.is(completed, bad.length === 0);
        if (!completed)
          assert.equal(
            (error as MapError).errors.map(one => `${one.index} ${one.name}`),
            bad,
          );
      }),
    60,
  );

  it(
    'end with one of their errors, or where the subscriber says',
    () =>
      property(async (orders, source, options, n) => {
        const { rows, error, completed } = await outcomeOf(source.pipe(parallelMap(obey, options), take(n)));
        const all = orders.map(order => model(order, crosses));
        if (!completed) {
          const { index, name } = error as TaskError;
          assert.equal(all[index as number], { error: name });
        } else if (!all.some(one => 'error' in one)) assert.is(rows.length, Math.min(n, orders.length));
        if (options.ordered !== false && crosses)
          assert.is(
            difference(
              rows,
              all.slice(0, rows.length).map(one => 'row' in one && one.row),
            ),
            undefined,
          );
      }),
    60,
  );

  programs.run();
}
