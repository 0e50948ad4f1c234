import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ColumnsBuilder } from '../../../lib/columns/columns.js';
import { same } from '../../support/same.js';
import { anyNumber, anyValue } from '../serialization/arbitraries.js';

const it = suite('columns');

function columnsOf(rows: readonly unknown[]): unknown {
  const builder = new ColumnsBuilder();
  for (const [i, row] of rows.entries()) builder.add(row, i);
  return builder.finish();
}

it('of tuples are an array of columns', () => {
  same(
    columnsOf([
      [1, 'a', true],
      [2, 'b', false],
    ]),
    [Float64Array.of(1, 2), ['a', 'b'], [true, false]],
  );
  same(columnsOf([[], []]), []);
});

it('of records are an object of columns, by the keys of the first', () => {
  same(
    columnsOf([
      { x: 1, s: 'a' },
      { s: 'b', x: 2 },
    ]),
    { x: Float64Array.of(1, 2), s: ['a', 'b'] },
  );
  same(columnsOf([Object.assign(Object.create(null), { x: 1 })]), { x: Float64Array.of(1) });
  const proto = columnsOf([JSON.parse('{"__proto__":1,"a":2}')]) as object;
  assert.equal(Object.keys(proto), ['__proto__', 'a']);
  assert.is(Object.getPrototypeOf(proto), Object.prototype);
});

it('of any other rows are one column', () => {
  same(columnsOf([1, -0, Number.NaN]), Float64Array.of(1, -0, Number.NaN));
  same(columnsOf(['a', undefined, null, 5n]), ['a', undefined, null, 5n]);
  const dates = [new Date(1), new Date(2)];
  same(columnsOf(dates), dates);
  const views = [Float64Array.of(1, 2), Float64Array.of(3)];
  const column = columnsOf(views) as unknown[];
  assert.ok(
    column.every((value, i) => value === views[i]),
    'a typed array is a value, not a tuple',
  );
});

it('of no rows are none', () => {
  assert.equal(columnsOf([]), []);
});

it('are Float64Arrays where all values are numbers, and plain where one is not, with nothing coerced', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof({ weight: 9, arbitrary: anyNumber }, fc.constantFrom('1', true, null, undefined, 1n, [1])),
        { minLength: 1, maxLength: 200 },
      ),
      values => {
        const [column] = columnsOf(values.map(value => [value])) as [ArrayLike<unknown>];
        assert.is(
          column instanceof Float64Array,
          values.every(value => typeof value === 'number'),
        );
        assert.is(column.length, values.length);
        for (const [i, value] of values.entries()) assert.ok(Object.is(column[i], value), `row ${i}`);
      },
    ),
  );
});

it('have just the memory that they need', () => {
  for (const count of [1, 63, 64, 65, 1_000]) {
    const column = columnsOf(Array.from({ length: count }, (_, i) => i)) as Float64Array;
    assert.equal([column.length, column.buffer.byteLength], [count, 8 * count]);
  }
});

it('of rows of differing shape are an error that names the first', () => {
  for (const [rows, says] of [
    [[[1, 2], [3]], 'the row at index 1 is a tuple of 1 where the rows before are a tuple of 2'],
    [[[1], [2], 5], 'the row at index 2 is a single value where the rows before are a tuple of 1'],
    [[[1], { x: 1 }], 'the row at index 1 is a record with `x` where the rows before are a tuple of 1'],
    [
      [{ x: 1 }, { y: 1 }],
      'the row at index 1 is a record with `y` where the rows before are a record with `x`',
    ],
    [
      [{ x: 1, y: 2 }, { x: 1 }],
      'the row at index 1 is a record with `x` where the rows before are a record with `x`, `y`',
    ],
    [
      [{ x: 1 }, { x: 1, y: 2 }],
      'the row at index 1 is a record with `x`, `y` where the rows before are a record with `x`',
    ],
    [
      [{}, { x: 1 }],
      'the row at index 1 is a record with `x` where the rows before are a record with no keys',
    ],
    [[5, [1]], 'the row at index 1 is a tuple of 1 where the rows before are a single value'],
    [['a', { a: 1 }], 'the row at index 1 is a record with `a` where the rows before are a single value'],
  ] as const)
    assert.throws(
      () => columnsOf(rows),
      (error: Error) =>
        error instanceof TypeError && error.message.startsWith(`${says}; make every row of one shape`),
    );
});

it('hold every value where it was', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.array(fc.oneof(anyNumber, anyValue), { minLength: 4, maxLength: 4 }), {
        minLength: 1,
        maxLength: 100,
      }),
      (width, wide) => {
        const rows = wide.map(row => row.slice(0, width));
        const columns = columnsOf(rows) as ArrayLike<unknown>[];
        assert.is(columns.length, width);
        for (const [i, row] of rows.entries())
          for (const [k, value] of row.entries()) assert.ok(Object.is(columns[k]?.[i], value));
      },
    ),
    { numRuns: 50 },
  );
});

it('keep numbers that come packed as they are, and set their shape once', () => {
  const builder = new ColumnsBuilder();
  const tuple = { kind: 'tuple' } as const;
  builder.addBatch({ length: 0, shape: { kind: 'row' }, columns: [[]] }, 0);
  builder.addBatch({ length: 2, shape: tuple, columns: [Float64Array.of(1, 2), ['a', 'b']] }, 0);
  builder.addBatch({ length: 1, shape: tuple, columns: [['three'], Float64Array.of(3)] }, 2);
  builder.addBatch({ length: 1, shape: { kind: 'row' }, columns: [[[4, 'd']]] }, 3);
  builder.add([5, 'e'], 4);
  same(builder.finish(), [
    [1, 2, 'three', 4, 5],
    ['a', 'b', 3, 'd', 'e'],
  ]);
  const records = new ColumnsBuilder();
  records.addBatch(
    {
      length: 1,
      shape: { kind: 'record', keys: ['x', 'y'] },
      columns: [Float64Array.of(1), Float64Array.of(2)],
    },
    0,
  );
  records.addBatch(
    {
      length: 1,
      shape: { kind: 'record', keys: ['y', 'x'] },
      columns: [Float64Array.of(3), Float64Array.of(4)],
    },
    1,
  );
  same(records.finish(), { x: Float64Array.of(1, 4), y: Float64Array.of(2, 3) });
});

it('of packed rows of another shape are an error with their index', () => {
  for (const second of [
    { length: 2, shape: { kind: 'number' }, columns: [Float64Array.of(1, 2)] },
    { length: 2, shape: { kind: 'tuple' }, columns: [Float64Array.of(1, 2)] },
    {
      length: 2,
      shape: { kind: 'record', keys: ['x', 'y'] },
      columns: [Float64Array.of(1, 2), Float64Array.of(1, 2)],
    },
  ] as const) {
    const builder = new ColumnsBuilder();
    builder.addBatch(
      { length: 1, shape: { kind: 'tuple' }, columns: [Float64Array.of(1), Float64Array.of(2)] },
      0,
    );
    assert.throws(
      () => builder.addBatch(second, 7),
      /the row at index 7 is .* where the rows before are a tuple of 2/,
    );
  }
  const records = new ColumnsBuilder();
  records.addBatch({ length: 1, shape: { kind: 'record', keys: ['x', 'y'] }, columns: [['a'], ['b']] }, 0);
  assert.throws(
    () =>
      records.addBatch(
        { length: 1, shape: { kind: 'record', keys: ['x', 'z'] }, columns: [['a'], ['b']] },
        5,
      ),
    /the row at index 5 is a record with `x`, `z`/,
  );
});

it.run();
