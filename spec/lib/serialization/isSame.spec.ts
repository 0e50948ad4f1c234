import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { copyValue } from '../../../lib/serialization/copyValue.js';
import { isSame } from '../../../lib/serialization/isSame.js';
import { Counter } from '../../fixtures/sharedArguments.js';
import { propertyRuns } from '../../support/propertyRuns.js';
import { difference, same } from '../../support/same.js';
import { anyKey, anyValue } from './arbitraries.js';

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/** Everything inside a value that can be changed. */
function parts(value: unknown, found = new Set<object>()): object[] {
  if (!isObject(value) || found.has(value) || ArrayBuffer.isView(value)) return [...found];
  if (!/Object|Array|Map|Set|Date|RegExp/.test(Object.prototype.toString.call(value))) return [...found];
  found.add(value);
  if (value instanceof Map) for (const pair of value) for (const item of pair) parts(item, found);
  if (value instanceof Set) for (const item of value) parts(item, found);
  for (const key of Object.keys(value)) parts((value as Record<string, unknown>)[key], found);
  return [...found];
}

/** Changes a part of a value in some way. */
function change(part: object, key: string, how: number): void {
  const first = Object.keys(part)[0];
  if (part instanceof Map) how % 2 ? part.set(key, {}) : part.delete([...part.keys()][0]);
  else if (part instanceof Set) how % 2 ? part.add(key) : part.delete([...part][0]);
  else if (part instanceof Date) part.setTime(how);
  else if (part instanceof RegExp) part.lastIndex = how;
  else if (Array.isArray(part) && how % 3 === 0) how % 2 ? part.push(key) : part.pop();
  else if (first !== undefined && how % 3 === 1) delete (part as Record<string, unknown>)[first];
  else if (!(Array.isArray(part) && key === 'length'))
    Object.defineProperty(part, first !== undefined && how % 2 ? first : key, {
      value: how,
      enumerable: true,
      configurable: true,
      writable: true,
    });
}

test('a copy of any value is the same, down to holes, order and identity', () => {
  fc.assert(
    fc.property(anyValue, fc.boolean(), fc.boolean(), (value, memory, whole) => {
      const copy = copyValue(value, { memory, whole });
      same(copy, value);
      assert.ok(isSame(copy, value) || memory);
    }),
    { numRuns: propertyRuns(1000) },
  );
});

test('a copy that was changed in any place is the same no more, and the original is untouched', () => {
  fc.assert(
    fc.property(anyValue, anyKey, fc.nat(), fc.nat(11), (value, key, at, how) => {
      const copy = copyValue(value, { memory: false, whole: false });
      const reference = copyValue(value, { memory: true, whole: false });
      const all = parts(copy);
      if (all.length === 0) return;
      change(all[at % all.length] as object, key, how);
      // Typed arrays are the same ones, and a property of a boxed value is nobody's.
      assert.is(isSame(copy, value), difference(copy, value) === undefined, String(difference(copy, value)));
      assert.is(difference(value, reference), undefined);
    }),
    { numRuns: propertyRuns(3000) },
  );
});

test('objects that hold themselves are compared, and so are chains of objects that stand twice', () => {
  let value: unknown = [1];
  for (let i = 0; i < 60; i++) value = { a: value, b: value };
  const copy = copyValue(value, { memory: true, whole: false });
  assert.ok(isSame(copy, value));
  const ring: Record<string, unknown> = {};
  ring.deep = { ring };
  const other = copyValue(ring, { memory: true, whole: false }) as Record<string, unknown>;
  assert.ok(isSame(other, ring));
  other.added = 1;
  assert.not(isSame(other, ring));
});

test('instances of registered classes are what their codec gives, and keep what else they hold', () => {
  const counter = new Counter(1);
  const copy = copyValue({ counter }, { memory: true, whole: true }) as { counter: Counter };
  assert.is.not(copy.counter, counter);
  Object.assign(copy.counter, { cache: 1 });
  assert.ok(isSame(copy, { counter }));
  copy.counter.increment();
  assert.not(isSame(copy, { counter }));
  assert.is(counter.count, 1);
});

test('long arrays: items, holes, and properties that are no items', () => {
  const array = Array.from({ length: 1000 }, (_, i): number | undefined => (i === 500 ? undefined : i));
  const copies = () => copyValue(array, { memory: true, whole: true }) as (number | undefined)[];
  assert.ok(isSame(copies(), array));
  const changed = [copies(), copies(), copies(), copies()] as const;
  changed[0][999] = 0;
  delete changed[1][500];
  Object.assign(changed[2], { x: 1 });
  changed[3].length = 999;
  for (const copy of changed) assert.not(isSame(copy, array));
});

test('what is whole only with its getters, symbols or functions is kept as it is', () => {
  const symbol = Symbol('s');
  const kept = [
    { f: () => 0, list: [] },
    { [symbol]: 1 },
    Object.defineProperty({}, 'hidden', { value: 1 }),
    {
      get x() {
        return 1;
      },
    },
    new WeakMap(),
    () => 0,
    Object.assign(new Map(), { own: 1 }),
  ];
  const copy = copyValue([...kept], { memory: true, whole: true }) as unknown[];
  for (const [i, value] of kept.entries()) assert.is(copy[i], value);
});

test('an instance whose codec throws, or whose data holds it, is kept as it is', () => {
  class Ring extends Counter {}
  assert.instance(copyValue(new Ring(1), { memory: true, whole: true }), Ring);
});

test.run();
