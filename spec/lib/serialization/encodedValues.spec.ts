import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  isArrayPrototype,
  isObjectLike,
  isPlainPrototype,
  isPrototypeOfClass,
  setOwn,
} from '../../../lib/serialization/encodedValues.js';

const it = suite('encodedValues');

const prototypeOf = (value: unknown): object | null => Object.getPrototypeOf(value);

it('the prototype of plain objects is known in every realm, and that of no class is one', () => {
  class Bare extends (null as unknown as new () => object) {}
  for (const value of [{}, Object.create(null), runInNewContext('({})')])
    assert.ok(isPlainPrototype(prototypeOf(value)));
  for (const value of [[], new Map(), new (class Model {})(), Object.create(Bare.prototype)])
    assert.not(isPlainPrototype(prototypeOf(value)));
});

it('the prototype of arrays is known in every realm, and that of a subclass is none', () => {
  class List extends Array {}
  for (const value of [[], runInNewContext('[]')]) assert.ok(isArrayPrototype(prototypeOf(value)));
  for (const value of [new List(), {}, Object.create(null), Object.create([1])])
    assert.not(isArrayPrototype(prototypeOf(value)));
});

it('the prototype of a built-in class is known in every realm, and that of a subclass is none', () => {
  class Day extends Date {}
  for (const value of [new Date(), runInNewContext('new Date()')])
    assert.ok(isPrototypeOfClass(prototypeOf(value) as object, Date));
  for (const value of [new Day(), new Map(), {}])
    assert.not(isPrototypeOfClass(prototypeOf(value) as object, Date));
});

it('objects, functions and symbols are to be looked at, and nothing else', () => {
  for (const value of [{}, [], () => 1, Symbol('s')]) assert.ok(isObjectLike(value));
  for (const value of [1, 'a', null, undefined, true, 5n]) assert.not(isObjectLike(value));
});

it('any name can be that of an own property', () => {
  const target = {};
  for (const key of ['a', '__proto__', 'constructor']) setOwn(target, key, key);
  assert.equal(Object.entries(target), [
    ['a', 'a'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
  ]);
  assert.is(prototypeOf(target), Object.prototype);
});

it.run();
