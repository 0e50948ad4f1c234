import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { EmittedValues } from '../../../lib/dispatch/emittedValues.js';
import { rowReader } from '../../../lib/serialization/columnBatch.js';
import { copyValue } from '../../../lib/serialization/copyValue.js';
import { registerClass } from '../../../lib/serialization/registerClass.js';
import { propertyRuns } from '../../support/propertyRuns.js';
import { same } from '../../support/same.js';
import { anyRows } from '../serialization/arbitraries.js';

const emittedOf = (values: readonly unknown[]): EmittedValues => {
  const emitted = new EmittedValues();
  for (const value of values) emitted.add(value);
  return emitted;
};

/** Changes everything in a value that can be changed. */
function spoil(value: unknown, met = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || met.has(value)) return;
  met.add(value);
  if (ArrayBuffer.isView(value)) return void new Uint8Array(value.buffer).fill(7);
  for (const item of value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : [])
    spoil(item, met);
  for (const item of Object.values(value)) spoil(item, met);
  if (value instanceof Map || value instanceof Set) value.clear();
  else if (value instanceof Date) value.setTime(1);
  else if (value instanceof RegExp) value.lastIndex = 1;
  else if (Array.isArray(value)) value.push('spoilt');
  else if (!(value instanceof Number || value instanceof String)) Object.assign(value, { spoilt: true });
}

const copiesOf = (values: readonly unknown[]) =>
  values.map(value => copyValue(value, { memory: true, whole: false }));

test('any inputs that were changed after they were emitted: as they were, whatever was taken of them and joined', () => {
  fc.assert(
    fc.property(anyRows, anyRows, fc.nat(), fc.nat(), (first, second, from, to) => {
      const expected = copiesOf([...first, ...second]);
      const all = emittedOf(first).concat(emittedOf(second));
      const values = [...first, ...second];
      const [start, end] = [from % (values.length + 1), to % (values.length + 1)].sort((a, b) => a - b) as [
        number,
        number,
      ];
      const part = all.slice(start, end);
      const given = values.slice(start, end);
      assert.is(part.restore(given), given);
      for (const value of values) spoil(value);
      for (let tries = 0; tries < 2; tries++) {
        const restored = Array.from(part.restore(given));
        for (const [i, value] of restored.entries()) same(value, expected[start + i]);
        // What a task does to it is not seen at the next try.
        for (const value of restored) spoil(value);
      }
      const kept = Array.from(part.kept(given));
      for (const [i, value] of kept.entries()) same(value, expected[start + i]);
      const batch = part.columns();
      if (!batch) return;
      const at = rowReader(batch);
      assert.is(batch.length, given.length);
      for (let i = 0; i < batch.length; i++) same(at(i), expected[start + i]);
    }),
    { numRuns: propertyRuns(1500) },
  );
});

test('tuples and records of single values are given as columns, numbers as Float64Arrays', () => {
  const tuples = emittedOf([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ]).slice(1, 3);
  assert.equal(tuples.columns(), {
    length: 2,
    shape: { kind: 'tuple' },
    columns: [Float64Array.of(2, 3), ['b', 'c']],
  });
  assert.equal(emittedOf([{ x: 1, y: null }]).columns(), {
    length: 1,
    shape: { kind: 'record', keys: ['x', 'y'] },
    columns: [Float64Array.of(1), [null]],
  });
  for (const rows of [[[1], { x: 1 }], [[1], [1, 2]], [[Symbol('s')]], [[{}]], [1], [[1], 2]])
    assert.is(emittedOf(rows).columns(), undefined);
});

test('a getter that emits further inputs, or throws: each input is as it was emitted', () => {
  const emitted = new EmittedValues();
  emitted.add({ x: 0 });
  const nested = {
    get x() {
      emitted.add({ x: 5 });
      return 7;
    },
  };
  emitted.add(nested);
  // It is read twice.
  const values = [{ x: -1 }, { x: -5 }, { x: -5 }, { x: -7 }];
  same(emitted.restore(values), [{ x: 0 }, { x: 5 }, { x: 5 }, { x: 7 }]);
  const broken = {
    get x() {
      throw new Error('never');
    },
  };
  assert.is(emittedOf([broken]).restore([broken])[0], broken);
});

test('what was taken of kept inputs stays what it was when the others are let go of', () => {
  const records = [{ a: 1 }, { a: 2 }, { a: 3 }];
  const emitted = emittedOf(records);
  const taken = emitted.slice(0, 2);
  emitted.release(0, 2);
  for (const record of records) record.a = 0;
  assert.equal(Array.from(taken.restore(records.slice(0, 2))), [{ a: 1 }, { a: 2 }]);
  assert.equal(Array.from(emitted.slice(2, 3).restore(records.slice(2))), [{ a: 3 }]);
});

test('an instance whose codec makes something else of it is kept as itself, also where it has changed', () => {
  class Plain {
    constructor(public n: number) {}
  }
  registerClass(Plain, { encode: ({ n }) => ({ n }), decode: data => data as Plain });
  const plain = new Plain(1);
  const emitted = emittedOf([[plain], plain]);
  assert.is(emitted.kept([[plain], plain])[1], plain);
  const given = [[plain], plain];
  plain.n = 2;
  assert.is(emitted.restore(given)[1], plain);
});

test('a built-in with properties of its own is kept as itself', () => {
  for (const value of [new Map(), new Set(), new Date(0), /a/]) {
    const more = Object.assign(value, { unit: 'm' });
    const emitted = emittedOf([more]);
    assert.is(emitted.kept([more])[0], more);
    assert.is(emitted.restore([more])[0], more);
  }
});

test.run();
