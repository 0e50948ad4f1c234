import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ColumnsBuilder } from '../../../lib/columns/columns.js';
import type { ColumnBatchMessage } from '../../../lib/protocol/messages.js';
import { batchOfRow, noRows, rowReader, sliceBatch } from '../../../lib/serialization/columnBatch.js';
import { ColumnBatchBuilder } from '../../../lib/serialization/columnBatchBuilder.js';
import { decodeBatch } from '../../../lib/serialization/decodeBatch.js';
import { encodeInputs } from '../../../lib/serialization/encodeInputs.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';
import { transfer } from '../../../lib/serialization/transfer.js';
import { timed } from '../../support/deadline.js';
import { propertyRuns } from '../../support/propertyRuns.js';
import { same } from '../../support/same.js';
import { anyNumber, anyRows, anyValue } from './arbitraries.js';
import { decodedRows, eachWay, encodedRows, encoderFor, sentRows, ways } from './roundTrip.js';

const batches = suite('columnBatch');
const it = timed(batches);

/** A hole and a number. */
const holed: unknown[] = Object.assign(new Array(2), { 1: 1 });

const anyWay = fc.constantFrom(...eachWay);

it('rows arrive as structured clone would have them, whatever they are', () => {
  fc.assert(
    fc.property(anyRows, anyWay, (rows, way) => {
      const expected = rows.map(row => structuredClone(row));
      for (const [i, row] of sentRows(rows, way).entries()) same(row, expected[i], `row ${i}`);
    }),
    { numRuns: propertyRuns(2_000) },
  );
});

it('rows are left as they were', () => {
  fc.assert(
    fc.property(anyRows, anyWay, (rows, way) => {
      const before = rows.map(row => structuredClone(row));
      sentRows(rows, way);
      for (const [i, row] of rows.entries()) same(structuredClone(row), before[i], `row ${i}`);
    }),
    { numRuns: propertyRuns(300) },
  );
});

it('inputs are encoded as rows are', () => {
  fc.assert(
    fc.property(anyRows, anyWay, (inputs, way) => {
      const { message, transferList, rejected } = encodeInputs(inputs, { sharedMemory: way === 'threads' });
      assert.is(rejected, undefined);
      const arrived = decodedRows(ways[way](message, transferList) as ColumnBatchMessage);
      assert.is(arrived.length, inputs.length);
      for (const [i, input] of arrived.entries()) same(input, structuredClone(inputs[i]), `input ${i}`);
    }),
    { numRuns: propertyRuns(500) },
  );
});

it('numbers become a column of numbers, and those that are given as one are copied', () => {
  fc.assert(
    fc.property(fc.array(anyNumber, { minLength: 1 }), anyWay, (numbers, way) => {
      const { message } = encodedRows(numbers, way);
      assert.equal([message.shape.kind, message.columns.length, message.tag], ['number', 1, undefined]);
      assert.instance(message.columns[0], Float64Array);
      same(sentRows(numbers, way), numbers);

      const column = Float64Array.from(numbers).subarray(1);
      const { message: inputs, transferList } = encodeInputs(column, { sharedMemory: way === 'threads' });
      same(decodedRows(ways[way](inputs, transferList) as ColumnBatchMessage), numbers.slice(1));
      assert.is(column.length, numbers.length - 1, 'and the given ones are still there');
    }),
  );
});

it('tuples and records of numbers become columns of numbers', () => {
  const tuples = encodedRows(
    [
      [1, -0],
      [2, Number.NaN],
      [3, 5],
    ],
    'threads',
  );
  same(tuples.message, {
    length: 3,
    shape: { kind: 'tuple' },
    columns: [Float64Array.of(1, 2, 3), Float64Array.of(-0, Number.NaN, 5)],
    tag: undefined,
    functions: undefined,
  });
  assert.is(tuples.transferList.length, 2, 'whose memory is transferred');
  const records = encodedRows(
    [
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ],
    'processes',
  );
  same(records.message, {
    length: 2,
    shape: { kind: 'record', keys: ['x', 'y'] },
    columns: [Float64Array.of(1, 3), Float64Array.of(2, 4)],
    tag: undefined,
    functions: undefined,
  });
  assert.is(records.transferList.length, 0, 'but between processes nothing can be');
});

it('a value that does not fit changes its column, and a row that does not fit the whole batch', () => {
  same(
    encodedRows(
      [
        [1, 2],
        [3, 'a'],
        [5, undefined],
      ],
      'threads',
    ).message.columns,
    [Float64Array.of(1, 3, 5), [2, 'a', undefined]],
  );
  same(
    encodedRows(
      [
        ['a', 1],
        [2, 3],
      ],
      'threads',
    ).message.columns,
    [['a', 2], Float64Array.of(1, 3)],
  );
  for (const odd of [
    [1],
    [1, 2, 3],
    { x: 1 },
    1,
    'a',
    null,
    undefined,
    holed,
    Object.assign([1, 2], { z: 3 }),
    Object.assign(holed.slice(), { z: 3 }),
  ]) {
    const { message } = encodedRows([[1, 2], odd, [3, 4]], 'threads');
    same(message, {
      length: 3,
      shape: { kind: 'row' },
      columns: [[[1, 2], structuredClone(odd), [3, 4]]],
      tag: undefined,
      functions: undefined,
    });
  }
  for (const odd of [
    { x: 1 },
    { y: 2, x: 1 },
    { x: 1, y: 2, z: 3 },
    [1, 2],
    5,
    JSON.parse('{"x":1,"__proto__":2}'),
  ]) {
    const { message } = encodedRows([{ x: 1, y: 2 }, odd], 'threads');
    same(message, {
      length: 2,
      shape: { kind: 'row' },
      columns: [[{ x: 1, y: 2 }, structuredClone(odd)]],
      tag: undefined,
      functions: undefined,
    });
  }
  for (const odd of ['a', [1], undefined, { x: 1 }])
    same(encodedRows([1, odd], 'threads').message, {
      length: 2,
      shape: { kind: 'row' },
      columns: [[1, odd]],
      tag: undefined,
      functions: undefined,
    });
});

it('a row that is too wide, empty, holed or not plain is sent whole', () => {
  const wide = Array.from({ length: 65 }, (_, i) => i);
  for (const row of [
    wide,
    Object.fromEntries(wide.entries()),
    {},
    holed,
    Object.create(null),
    new Map(),
    new Date(0),
  ])
    assert.is(encodedRows([row], 'threads').message.shape.kind, 'row');
  assert.equal(encodedRows([[]], 'threads').message.columns, []);
  same(sentRows([[], [], []], 'threads'), [[], [], []]);
  same(sentRows([], 'threads'), []);
  assert.is(encodedRows([], 'threads').message.length, 0);
});

it('two places of a row share what they shared, and two rows share nothing', () => {
  const shared = { list: [1] };
  for (const way of eachWay) {
    const [a, b] = sentRows([[shared, shared], { x: shared, y: [shared] }], way) as [
      object[],
      { x: object; y: object[] },
    ];
    assert.is(a[0], a[1]);
    assert.is(b.x, b.y[0]);
    assert.is.not(a[0], b.x);
  }
});

it('only what was encoded is decoded: data that look like it stay what they are', () => {
  const looks = { tag: {}, kind: 'buffer', bytes: new Uint8Array(2) };
  for (const way of eachWay) {
    const [row, other] = sentRows(
      [
        [looks, Buffer.from('a')],
        [looks, 1],
      ],
      way,
    );
    same(row, [looks, Buffer.from('a')]);
    same(other, [looks, 1]);
  }
  const { message } = encodedRows([[{ tag: 1 }]], 'threads');
  assert.is(message.tag, undefined, 'and nothing is looked through where nothing is marked');
});

it('a row that cannot cross is not added, and the next one is', () => {
  const bads: unknown[] = [
    () => 1,
    [1, () => 1],
    { x: 1, y: Symbol('s') },
    new (class Model {})(),
    [1, 2, { a: Promise }],
  ];
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          anyNumber,
          fc.tuple(anyNumber, anyValue),
          fc.record({ x: anyNumber, y: anyValue }),
          fc.constantFrom(...bads),
        ),
        {
          maxLength: 10,
        },
      ),
      anyWay,
      (rows, way) => {
        const builder = new ColumnBatchBuilder(rows.length, encoderFor(way));
        const good: unknown[] = [];
        for (const row of rows)
          try {
            builder.add(row);
            good.push(row);
          } catch (error) {
            assert.instance(error, SerializationError);
            assert.ok(bads.includes(row));
          }
        assert.ok(!good.some(row => bads.includes(row)));
        const { message, transferList } = builder.take();
        const arrived = decodedRows(ways[way](message, transferList) as ColumnBatchMessage);
        assert.is(arrived.length, good.length);
        for (const [i, row] of arrived.entries()) same(row, structuredClone(good[i]), `row ${i}`);
      },
    ),
    { numRuns: propertyRuns(500) },
  );
});

it('inputs are encoded up to the first that cannot cross', () => {
  const { message, rejected } = encodeInputs(
    [
      [1, 2],
      [3, 4],
      [5, { solve() {} }],
      [7, 8],
    ],
    { sharedMemory: true },
  );
  assert.is(message.length, 2);
  assert.instance(rejected, SerializationError);
  assert.is(rejected?.path, '[1].solve');
  const first = encodeInputs([() => 1, 2], { sharedMemory: false });
  assert.equal([first.message.length, first.rejected?.path], [0, '']);
  const getter = encodeInputs(
    [
      1,
      {
        get x(): number {
          throw new Error('the getter broke');
        },
      },
    ],
    { sharedMemory: true },
  );
  assert.is(getter.message.length, 1);
  assert.match(getter.rejected?.why ?? '', /the getter broke/);
});

it('a slice of a batch has the same rows', () => {
  fc.assert(
    fc.property(anyRows, fc.nat(20), fc.nat(20), (rows, a, b) => {
      const [from, to] = [Math.min(a, b, rows.length), Math.min(Math.max(a, b), rows.length)];
      const { message } = encodedRows(rows, 'threads');
      const cut = sliceBatch(decodeBatch(message), from, to);
      assert.is(cut.length, to - from);
      const at = rowReader(cut);
      for (let i = from; i < to; i++) same(at(i - from), structuredClone(rows[i]), `row ${i}`);
    }),
    { numRuns: propertyRuns(300) },
  );
});

it('a batch can be made of one row as it is, and of none', () => {
  const row = { f: () => 1 };
  assert.is(rowReader(batchOfRow(row))(0), row);
  assert.is(batchOfRow(row).length, 1);
  assert.is(noRows.length, 0);
});

it('batches make the same columns as their rows do one by one', () => {
  const columnsOf = (add: (builder: ColumnsBuilder) => void): unknown => {
    const builder = new ColumnsBuilder();
    try {
      add(builder);
    } catch (error) {
      return (error as Error).message;
    }
    return builder.finish();
  };
  fc.assert(
    fc.property(anyRows, anyRows, anyWay, (first, second, way) => {
      const batched = columnsOf(builder => {
        builder.addBatch(decodeBatch(ways[way](encodedRows(first, way).message) as ColumnBatchMessage), 0);
        builder.addBatch(
          decodeBatch(ways[way](encodedRows(second, way).message) as ColumnBatchMessage),
          first.length,
        );
      });
      const rows = [...first, ...second].map(row => structuredClone(row));
      const single = columnsOf(builder => {
        for (const [i, row] of rows.entries()) builder.add(row, i);
      });
      same(structuredClone(batched), structuredClone(single));
    }),
    { numRuns: propertyRuns(1_000) },
  );
});

it('a row marked by transfer() is sent whole, and its memory is transferred', () => {
  const make = () => ({ a: new Float64Array(3), b: [new Float64Array(2)], n: 1 });
  const row = transfer(make());
  const pair = transfer([new Float64Array(4), 5]);
  const { message, transferList } = encodedRows([make(), row, pair, make()], 'threads');
  assert.is(message.shape.kind, 'row');
  assert.equal(transferList.map(buffer => (buffer as ArrayBuffer).byteLength).sort(), [16, 24, 32]);
  assert.ok(
    [row.a.buffer, row.b[0]!.buffer, (pair[0] as Float64Array).buffer].every(buffer =>
      transferList.includes(buffer as ArrayBuffer),
    ),
  );
  same(decodedRows(ways.threads(message, transferList) as ColumnBatchMessage), [
    make(),
    make(),
    [new Float64Array(4), 5],
    make(),
  ]);
  assert.is(row.a.length, 0, 'the task’s own is gone');
});

it('a row that holds itself is sent whole, wherever it stands in itself', () => {
  const tuple: unknown[] = [1, 'a', null];
  tuple[2] = { deep: [tuple] };
  const record: Record<string, unknown> = { x: 1 };
  record.error = Object.assign(new RangeError('holds it'), { record });
  for (const way of eachWay)
    for (const [row, before] of [
      [tuple, [3, 'b', 4]],
      [record, { x: 2, error: 'none' }],
    ]) {
      for (const rows of [[row], [before, row, before], [[1], row]])
        assert.is(encodedRows(rows, way).message.shape.kind, 'row');
      const [, arrived] = sentRows([before, row], way) as [unknown, typeof row];
      const inner =
        row === tuple
          ? ((arrived as unknown[])[2] as { deep: unknown[] }).deep[0]
          : (arrived as { error: { record: unknown } }).error.record;
      assert.is(inner, arrived);
    }
});

it('a first record that loses a key as it is read spoils none of those behind it', () => {
  const builder = new ColumnBatchBuilder(2, encoderFor('threads'));
  const first: { a: number; b?: number } = {
    get a() {
      delete first.b;
      return 1;
    },
    b: 2,
  };
  builder.add(first);
  builder.add({ a: 3, b: 4 });
  const { message } = builder.take();
  const at = rowReader(message);
  assert.equal(
    [at(0), at(1)],
    [
      { a: 1, b: undefined },
      { a: 3, b: 4 },
    ],
  );
});

batches.run();
