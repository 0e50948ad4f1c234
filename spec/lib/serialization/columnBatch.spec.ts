import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ColumnsBuilder } from '../../../lib/columns/columns.js';
import type { ColumnBatchMessage } from '../../../lib/protocol/messages.js';
import {
  batchOfRow,
  ColumnBatchBuilder,
  decodeBatch,
  noRows,
  packInputs,
  rowReader,
  sliceBatch,
} from '../../../lib/serialization/columnBatch.js';
import { Encoder, Untransferable } from '../../../lib/serialization/encode.js';
import { transfer } from '../../../lib/serialization/transfer.js';
import { timed } from '../../support/deadline.js';
import { propertyRuns } from '../../support/propertyRuns.js';
import { same } from '../../support/same.js';
import { anyNumber, anyRows, anyValue } from './arbitraries.js';
import { eachWay, pack, sent, unpackAll, ways } from './crossing.js';

const packing = suite('packing');
const it = timed(packing);

/** A hole and a number. */
const holed: unknown[] = Object.assign(new Array(2), { 1: 1 });

const anyWay = fc.constantFrom(...eachWay);

it('gives back what structured clone would, whatever the rows', () => {
  fc.assert(
    fc.property(anyRows, anyWay, (rows, way) => {
      const expected = rows.map(row => structuredClone(row));
      for (const [i, row] of sent(rows, way).entries()) same(row, expected[i], `row ${i}`);
    }),
    { numRuns: propertyRuns(2_000) },
  );
});

it('leaves the rows as they were', () => {
  fc.assert(
    fc.property(anyRows, anyWay, (rows, way) => {
      const before = rows.map(row => structuredClone(row));
      sent(rows, way);
      for (const [i, row] of rows.entries()) same(structuredClone(row), before[i], `row ${i}`);
    }),
    { numRuns: propertyRuns(300) },
  );
});

it('packs inputs as it packs rows', () => {
  fc.assert(
    fc.property(anyRows, anyWay, (inputs, way) => {
      const { message, moved, rejected } = packInputs(inputs, way === 'threads');
      assert.is(rejected, undefined);
      const arrived = unpackAll(ways[way](message, moved) as ColumnBatchMessage);
      assert.is(arrived.length, inputs.length);
      for (const [i, input] of arrived.entries()) same(input, structuredClone(inputs[i]), `input ${i}`);
    }),
    { numRuns: propertyRuns(500) },
  );
});

it('packs numbers as numbers, and copies those that it is given as such', () => {
  fc.assert(
    fc.property(fc.array(anyNumber, { minLength: 1 }), anyWay, (numbers, way) => {
      const { message } = pack(numbers, way);
      assert.equal([message.shape.kind, message.columns.length, message.tag], ['number', 1, undefined]);
      assert.instance(message.columns[0], Float64Array);
      same(sent(numbers, way), numbers);

      const column = Float64Array.from(numbers).subarray(1);
      const { message: inputs, moved } = packInputs(column, way === 'threads');
      same(unpackAll(ways[way](inputs, moved) as ColumnBatchMessage), numbers.slice(1));
      assert.is(column.length, numbers.length - 1, 'and the given ones are still there');
    }),
  );
});

it('packs tuples and records of numbers into columns of numbers', () => {
  const tuples = pack(
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
  });
  assert.is(tuples.moved.length, 2, 'whose memory is moved');
  const records = pack(
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
  });
  assert.is(records.moved.length, 0, 'but between processes nothing can be');
});

it('loosens one column where one value does not fit, and all where a row does not', () => {
  same(
    pack(
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
    pack(
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
    const { message } = pack([[1, 2], odd, [3, 4]], 'threads');
    same(message, { length: 3, shape: { kind: 'row' }, columns: [[[1, 2], structuredClone(odd), [3, 4]]] });
  }
  for (const odd of [
    { x: 1 },
    { y: 2, x: 1 },
    { x: 1, y: 2, z: 3 },
    [1, 2],
    5,
    JSON.parse('{"x":1,"__proto__":2}'),
  ]) {
    const { message } = pack([{ x: 1, y: 2 }, odd], 'threads');
    same(message, { length: 2, shape: { kind: 'row' }, columns: [[{ x: 1, y: 2 }, structuredClone(odd)]] });
  }
  for (const odd of ['a', [1], undefined, { x: 1 }])
    same(pack([1, odd], 'threads').message, { length: 2, shape: { kind: 'row' }, columns: [[1, odd]] });
});

it('sends rows whole that are too wide, empty, holed, or not plain', () => {
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
    assert.is(pack([row], 'threads').message.shape.kind, 'row');
  assert.equal(pack([[]], 'threads').message.columns, []);
  same(sent([[], [], []], 'threads'), [[], [], []]);
  same(sent([], 'threads'), []);
  assert.is(pack([], 'threads').message.length, 0);
});

it('keeps what two places of a row share, and shares nothing between rows', () => {
  const shared = { list: [1] };
  for (const way of eachWay) {
    const [a, b] = sent([[shared, shared], { x: shared, y: [shared] }], way) as [
      object[],
      { x: object; y: object[] },
    ];
    assert.is(a[0], a[1]);
    assert.is(b.x, b.y[0]);
    assert.is.not(a[0], b.x);
  }
});

it('opens only what was marked: data that look like a mark stay what they are', () => {
  const looks = { tag: {}, kind: 'buffer', bytes: new Uint8Array(2) };
  for (const way of eachWay) {
    const [row, other] = sent(
      [
        [looks, Buffer.from('a')],
        [looks, 1],
      ],
      way,
    );
    same(row, [looks, Buffer.from('a')]);
    same(other, [looks, 1]);
  }
  const { message } = pack([[{ tag: 1 }]], 'threads');
  assert.is(message.tag, undefined, 'and nothing is looked through where nothing is marked');
});

it('does not take a row that cannot cross, and goes on with the next', () => {
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
        const packer = new ColumnBatchBuilder(rows.length, new Encoder(way === 'threads', true));
        const good: unknown[] = [];
        for (const row of rows)
          try {
            packer.add(row);
            good.push(row);
          } catch (error) {
            assert.instance(error, Untransferable);
            assert.ok(bads.includes(row));
          }
        assert.ok(!good.some(row => bads.includes(row)));
        const { message, moved } = packer.take();
        const arrived = unpackAll(ways[way](message, moved) as ColumnBatchMessage);
        assert.is(arrived.length, good.length);
        for (const [i, row] of arrived.entries()) same(row, structuredClone(good[i]), `row ${i}`);
      },
    ),
    { numRuns: propertyRuns(500) },
  );
});

it('packs inputs up to the first that cannot cross', () => {
  const { message, rejected } = packInputs(
    [
      [1, 2],
      [3, 4],
      [5, { solve() {} }],
      [7, 8],
    ],
    true,
  );
  assert.is(message.length, 2);
  assert.instance(rejected, Untransferable);
  assert.is(rejected?.path, '[1].solve');
  const first = packInputs([() => 1, 2], false);
  assert.equal([first.message.length, first.rejected?.path], [0, '']);
  const getter = packInputs(
    [
      1,
      {
        get x(): number {
          throw new Error('the getter broke');
        },
      },
    ],
    true,
  );
  assert.is(getter.message.length, 1);
  assert.match(getter.rejected?.why ?? '', /the getter broke/);
});

it('cuts rows out of packed ones without making them', () => {
  fc.assert(
    fc.property(anyRows, fc.nat(20), fc.nat(20), (rows, a, b) => {
      const [from, to] = [Math.min(a, b, rows.length), Math.min(Math.max(a, b), rows.length)];
      const { message } = pack(rows, 'threads');
      const cut = sliceBatch(decodeBatch(message), from, to);
      assert.is(cut.length, to - from);
      const at = rowReader(cut);
      for (let i = from; i < to; i++) same(at(i - from), structuredClone(rows[i]), `row ${i}`);
    }),
    { numRuns: propertyRuns(300) },
  );
});

it('has one row as it is, and none', () => {
  const row = { f: () => 1 };
  assert.is(rowReader(batchOfRow(row))(0), row);
  assert.is(batchOfRow(row).length, 1);
  assert.is(noRows.length, 0);
});

it('makes the same columns as rows do one by one', () => {
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
      const packed = columnsOf(builder => {
        builder.addBatch(decodeBatch(ways[way](pack(first, way).message) as ColumnBatchMessage), 0);
        builder.addBatch(
          decodeBatch(ways[way](pack(second, way).message) as ColumnBatchMessage),
          first.length,
        );
      });
      const rows = [...first, ...second].map(row => structuredClone(row));
      const single = columnsOf(builder => {
        for (const [i, row] of rows.entries()) builder.add(row, i);
      });
      same(structuredClone(packed), structuredClone(single));
    }),
    { numRuns: propertyRuns(1_000) },
  );
});

it('sends a marked row whole, and moves what is in it', () => {
  const make = () => ({ a: new Float64Array(3), b: [new Float64Array(2)], n: 1 });
  const row = transfer(make());
  const pair = transfer([new Float64Array(4), 5]);
  const { message, moved } = pack([make(), row, pair, make()], 'threads');
  assert.is(message.shape.kind, 'row');
  assert.equal(moved.map(buffer => (buffer as ArrayBuffer).byteLength).sort(), [16, 24, 32]);
  assert.ok(
    [row.a.buffer, row.b[0]!.buffer, (pair[0] as Float64Array).buffer].every(buffer =>
      moved.includes(buffer as ArrayBuffer),
    ),
  );
  same(unpackAll(ways.threads(message, moved) as ColumnBatchMessage), [
    make(),
    make(),
    [new Float64Array(4), 5],
    make(),
  ]);
  assert.is(row.a.length, 0, 'the task’s own is gone');
});

packing.run();
