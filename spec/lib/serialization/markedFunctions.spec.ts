import { callbackify, deprecate, promisify } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { markOf } from '../../../lib/serialization/markedFunctions.js';
import { square } from '../../fixtures/tasks.js';

const wrapped = (): unknown => 'more than the task does';
const copied = Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(square));
const inherited = Object.setPrototypeOf(() => 'more', square) as typeof wrapped;
const willing: unknown = new Proxy(() => undefined, { get: () => willing, apply: () => 5 });
const { proxy: revoked, revoke } = Proxy.revocable(() => undefined, {});
revoke();

const wrappers: Record<string, object> = {
  promisify: promisify(square),
  callbackify: callbackify(square as never),
  deprecate: deprecate(square, 'old'),
  'a proxy': new Proxy(square, { apply: () => 'more' }),
  'a proxy that has every property': willing as object,
  'a revoked proxy': revoked,
  'copied properties': copied,
  'an inherited mark': inherited,
};

test('a marked function is found by its module and export', () => {
  assert.is(markOf(square)?.name, 'square');
});

for (const [name, wrapper] of Object.entries(wrappers))
  test(`a function that wraps a marked one is not that one: ${name}`, () => {
    assert.is(markOf(wrapper), undefined);
  });

test.run();
