import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeThrown } from '../../../lib/serialization/decode.js';
import { textOf } from '../../../lib/serialization/errors.js';
import { thrown } from '../../fixtures/faults.js';
import { difference } from '../../support/same.js';
import { eachWay, encoderFor, sentValue, ways } from './roundTrip.js';

const it = suite('errors');

it('a thrown error arrives as an Error of its base class, with all that is on it', () => {
  for (const way of eachWay)
    for (const [name, make] of Object.entries(thrown)) {
      const value = make();
      const encoder = encoderFor(way);
      const message = { error: encoder.encodeThrown(value), tag: encoder.tag };
      const arrived = ways[way](message, encoder.transferList) as typeof message;
      const error = decodeThrown(arrived.error, arrived.tag);
      if (!(value instanceof Error)) {
        assert.is(difference(error, value), undefined, name);
        continue;
      }
      assert.instance(error, Error, name);
      const { name: errorName, message: text, stack } = error as Error;
      assert.equal([errorName, text, stack], [value.name, value.message, value.stack], name);
      assert.equal(Object.keys(error as Error), Object.keys(value), name);
      assert.is('cause' in (error as Error), 'cause' in value, name);
      if (value.cause instanceof Error)
        assert.is(((error as Error).cause as Error).message, value.cause.message);
    }
});

it('an Error inside another value arrives as such', () => {
  for (const way of eachWay) {
    const error = Object.assign(new RangeError('inside', { cause: 'why' }), { code: 5 });
    const { list } = sentValue({ list: [error, error] }, way) as { list: RangeError[] };
    assert.instance(list[0], RangeError);
    assert.is(list[0], list[1]);
    assert.equal([list[0]?.message, list[0]?.cause, (list[0] as typeof error).code], ['inside', 'why', 5]);
  }
});

it('a thrown value that cannot cross is told in words', () => {
  const text = (value: unknown) => {
    const encoder = encoderFor('threads');
    return (decodeThrown(encoder.encodeThrown(value), encoder.tag) as Error).message;
  };
  assert.match(
    text(() => 1),
    /the task threw \[Function.*cannot cross.*a function/,
  );
  assert.match(text(Symbol('s')), /Symbol\(s\)/);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = {
    [inspect.custom]() {
      throw new Error('no');
    },
  };
  for (const thrown of [proxy, Object.assign(() => 1, hostile)]) assert.match(text(thrown), /the task threw/);
});

it('a thrown value loses only those of its parts that cannot cross or be read', () => {
  class Stream {}
  class Picky extends Error {
    override get message(): string {
      throw new Error('no');
    }
  }
  const thrown = {
    status: 404,
    retry() {},
    body: new Stream(),
    list: [1, { deep: () => 1, kept: 2 }],
    get broken(): number {
      throw new Error('no');
    },
    error: Object.assign(new Picky(), { name: Symbol('s'), code: 7 }),
  };
  for (const way of eachWay) {
    const encoder = encoderFor(way);
    const arrived = decodeThrown(encoder.encodeThrown(thrown), encoder.tag) as typeof thrown;
    assert.is(arrived.status, 404);
    assert.match(String(arrived.retry), /Function.*retry/);
    assert.match(String(arrived.body), /Stream/);
    assert.is((arrived.list[1] as { kept: number }).kept, 2);
    assert.match(String(arrived.broken), /threw.*no/);
    assert.match(arrived.error.message, /cannot be read/);
    assert.is(arrived.error.code, 7);
  }
});

it('an error that holds itself arrives so', () => {
  for (const way of eachWay) {
    const error = new TypeError('knot') as TypeError & { list?: unknown[] };
    error.list = [error];
    error.cause = { error };
    const arrived = sentValue(error, way) as typeof error;
    assert.instance(arrived, TypeError);
    assert.is(arrived.list?.[0], arrived);
    assert.is((arrived.cause as { error: unknown }).error, arrived);
  }
});

it('a DOMException and an AggregateError arrive as such', () => {
  for (const way of eachWay) {
    const exception = sentValue(new DOMException('late', 'AbortError'), way) as DOMException;
    assert.instance(exception, DOMException);
    assert.equal([exception.name, exception.message, exception.code], ['AbortError', 'late', 20]);
    const all = sentValue(new AggregateError([new RangeError('one'), 2], 'both'), way) as AggregateError;
    assert.instance(all, AggregateError);
    assert.instance(all.errors[0], RangeError);
    assert.equal([all.message, all.errors[1]], ['both', 2]);
  }
});

it('any value has a text, also one that cannot be read', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const hostile = {
    [inspect.custom]() {
      throw new Error('no');
    },
    get [Symbol.toStringTag](): string {
      throw new Error('no');
    },
  };
  assert.is(textOf({ a: 1 }), '{ a: 1 }');
  assert.type(textOf(proxy), 'string');
  assert.is(textOf(hostile), 'a value that cannot be read');
});

it('an object that lost a part on an error is the same one on others of the value, and none elsewhere', () => {
  for (const way of eachWay) {
    const context: Record<string, unknown> = { id: 1, f() {}, after: [2] };
    context.self = context;
    const make = () => Object.assign(new Error('x'), { context });
    const [a, b] = sentValue([make(), make()], way) as ReturnType<typeof make>[];
    assert.is(a?.context, b?.context);
    assert.is(a?.context.self, a?.context);
    assert.equal([a?.context.id, typeof a?.context.f, a?.context.after], [1, 'string', [2]]);
    for (const place of ['before', 'after'])
      assert.throws(
        () => sentValue(place === 'before' ? [context, make()] : [make(), [context.after, context]], way),
        /function/,
      );
    const { error, after } = sentValue({ error: make(), after: context.after }, way) as {
      error: Error;
      after: unknown;
    };
    assert.is(error.message, 'x');
    assert.equal(after, [2]);
  }
});

it('of an object on an error only the getter that throws is lost', () => {
  for (const way of eachWay) {
    const context = {
      id: 1,
      get broken(): never {
        throw new RangeError('it broke');
      },
    };
    const sent = sentValue(Object.assign(new Error('x'), { context }), way) as Error & {
      context: { id: number; broken: unknown };
    };
    assert.is(sent.context.id, 1);
    assert.match(String(sent.context.broken), 'it broke');
  }
});

it.run();
