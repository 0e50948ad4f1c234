import { BlockList } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { inspect } from 'node:util';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode, decodeThrown, Encoder, Untransferable } from '../../../lib/serialization/encode.js';
import { thrown, uncrossable } from '../../fixtures/faults.js';
import { isKnot, knot, samples } from '../../fixtures/values.js';
import { timed } from '../../support/deadline.js';
import { difference, same } from '../../support/same.js';
import { anyKey, anyValue, recordOf } from './arbitraries.js';
import { eachWay, type Way, ways } from './crossing.js';

const values = suite('values');
const it = timed(values);

/** A value after a trip. */
function sent(value: unknown, way: Way): unknown {
  const encoder = new Encoder(way === 'threads', true);
  const message = { value: encoder.encode(value), tag: encoder.tag };
  const arrived = ways[way](message, [...encoder.moved]) as typeof message;
  return decode(arrived.value, arrived.tag);
}

/** Why a value cannot be encoded, and where. */
function refusal(value: unknown, way: Way = 'threads', results = true): Untransferable {
  try {
    new Encoder(way === 'threads', results).encode(value);
  } catch (error) {
    assert.instance(error, Untransferable);
    return error as Untransferable;
  }
  throw new Error('it was encoded');
}

it('of every kind arrive the same', () => {
  for (const way of eachWay)
    for (const [name, make] of Object.entries(samples)) same(sent(make(), way), make(), `${name} by ${way}`);
});

it('of any kind arrive as structured clone has them', () => {
  fc.assert(
    fc.property(anyValue, fc.constantFrom(...eachWay), (value, way) => {
      const before = structuredClone(value);
      same(sent(value, way), before);
      same(structuredClone(value), before, 'left as it was');
    }),
    { numRuns: 1_000 },
  );
});

it('are copied at once: what happens to them later is not seen', () => {
  const make = () => ({
    list: [1, 2],
    map: new Map([['a', [1]]]),
    view: Float64Array.of(1),
    date: new Date(1),
    memory: new ArrayBuffer(2),
    buffer: Buffer.from('a'),
  });
  for (const way of eachWay) {
    const value = make();
    const encoder = new Encoder(way === 'threads', true);
    const message = { value: encoder.encode(value), tag: encoder.tag };
    value.list.push(3);
    value.map.get('a')?.push(2);
    value.view[0] = 9;
    value.date.setTime(9);
    new Uint8Array(value.memory)[0] = 9;
    value.buffer.fill('b');
    const arrived = ways[way](message, [...encoder.moved]) as typeof message;
    same(decode(arrived.value, arrived.tag), make());
  }
});

it('that hold themselves and each other arrive so', () => {
  for (const way of eachWay) {
    assert.ok(isKnot(sent(knot(), way)));
    const set = new Set<unknown>();
    const map = new Map<unknown, unknown>([['set', set]]);
    set.add(map).add(set);
    map.set(map, map);
    same(sent(map, way), map);
    const buffer = Buffer.from('a');
    const [a, b] = sent([buffer, { buffer }], way) as [Buffer, { buffer: Buffer }];
    assert.is(a, b.buffer);
  }
});

it('that are views travel without the buffer behind them', () => {
  const behind = Uint8Array.from({ length: 10_000 }, (_, i) => i).buffer;
  for (const way of eachWay) {
    const { a, b, c } = sent(
      { a: new Float64Array(behind, 8, 2), b: new DataView(behind, 3, 5), c: Buffer.from(behind, 1, 4) },
      way,
    ) as {
      a: Float64Array;
      b: DataView;
      c: Buffer;
    };
    same(a, new Float64Array(behind.slice(8, 24)));
    assert.equal([a.buffer.byteLength, b.byteLength, b.buffer.byteLength], [16, 5, 5]);
    assert.is(c.toString('hex'), '01020304');
    if (way === 'threads') assert.is(c.buffer.byteLength, 4);
  }
  assert.is(behind.byteLength, 10_000);
});

it('of much memory are moved, as copies, between threads', () => {
  const large = new Float64Array(1_000);
  const encoder = new Encoder(true, false);
  const copy = encoder.encode({ large, again: large, small: new Float64Array(10) }) as {
    large: Float64Array;
    again: Float64Array;
  };
  assert.equal([...encoder.moved], [copy.large.buffer]);
  assert.is.not(copy.large.buffer, large.buffer);
  assert.is(copy.again, copy.large);
  const apart = new Encoder(false, false);
  apart.encode({ large });
  assert.is(apart.moved.size, 0);
});

it('of shared memory are shared between threads only', () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  assert.is((sent(shared, 'threads') as Int32Array).buffer.byteLength, 8);
  const encoder = new Encoder(true, true);
  assert.is(encoder.encode(shared), shared);
  assert.match(refusal(shared, 'processes').why, /SharedArrayBuffer.*threads\(\)/);
  assert.match(refusal({ a: shared.buffer }, 'processes').why, /SharedArrayBuffer/);
});

it('of Node’s own kinds cross between threads', async () => {
  const blob = sent(new Blob(['text']), 'threads') as Blob;
  assert.is(await blob.text(), 'text');
  assert.match(refusal(new BlockList(), 'threads').why, /a BlockList, which would go on to change/);
  assert.match(refusal(createHistogram(), 'threads').why, /Histogram, which would go on to change/);
  class Name extends Blob {}
  assert.match(refusal(new Name([]), 'threads').why, /an instance of Name, which would arrive as a Blob/);
  assert.match(refusal(new Blob([]), 'processes').why, /a Blob, which does not cross to another process/);
  const { port1, port2 } = new MessageChannel();
  assert.match(refusal(port1).why, /an instance of MessagePort/);
  port1.close();
  port2.close();
});

it('that cannot cross are told, with the place', () => {
  for (const way of eachWay)
    for (const [name, { make, path, says }] of Object.entries(uncrossable)) {
      const error = refusal(make(), way);
      assert.is(error.path, path, name);
      assert.match(error.why, says, name);
    }
});

it('that cannot cross are found wherever they are', () => {
  class Culprit {}
  // What `encode` says the place is, as the value itself sees it.
  const at = (value: unknown, path: string): unknown =>
    [
      ...path.matchAll(/\.([\p{ID_Start}$_][\p{ID_Continue}$]*)|\[(-?\d+)\]|\[("(?:[^"\\]|\\.)*")\]/gu),
    ].reduce<unknown>(
      (inside, [, name, index, quoted]) =>
        (inside as Record<string, unknown>)[name ?? index ?? JSON.parse(quoted as string)],
      value,
    );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(anyKey, fc.nat(5)), { maxLength: 6 }),
      fc.array(anyValue, { maxLength: 3 }),
      (steps, before) => {
        const culprit = new Culprit();
        const value = steps.reduceRight<unknown>(
          (inside, step) =>
            typeof step === 'number'
              ? [...Array.from({ length: step }, (_, i) => before[i % before.length]), inside]
              : recordOf([...before.map((value, i): [string, unknown] => [`~${i}`, value]), [step, inside]]),
          culprit,
        );
        const { path, why } = refusal(value);
        assert.is(at(value, path), culprit, path);
        assert.match(why, /an instance of Culprit/);
      },
    ),
    { numRuns: 500 },
  );
});

it('that are deep are told before the stack is full, and shallower ones cross', () => {
  const nest = (depth: number): unknown => {
    let value: unknown = 'core';
    for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { value };
    return value;
  };
  for (const way of eachWay) same(sent(nest(900), way), nest(900));
  for (const depth of [2_000, 100_000]) {
    const error = refusal(nest(depth));
    assert.match(error.why, /nested more than 1000 deep/);
    assert.is(error.path, '');
  }
});

it('of thrown errors arrive as Errors of their base class, with all that is on them', () => {
  for (const way of eachWay)
    for (const [name, make] of Object.entries(thrown)) {
      const value = make();
      const encoder = new Encoder(way === 'threads', true);
      const message = { error: encoder.encodeThrown(value), tag: encoder.tag };
      const arrived = ways[way](message, [...encoder.moved]) as typeof message;
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

it('that are Errors inside others arrive as such', () => {
  for (const way of eachWay) {
    const error = Object.assign(new RangeError('inside', { cause: 'why' }), { code: 5 });
    const { list } = sent({ list: [error, error] }, way) as { list: RangeError[] };
    assert.instance(list[0], RangeError);
    assert.is(list[0], list[1]);
    assert.equal([list[0]?.message, list[0]?.cause, (list[0] as typeof error).code], ['inside', 'why', 5]);
  }
});

it('that are thrown and cannot cross are told in words', () => {
  const text = (value: unknown) => {
    const encoder = new Encoder(true, true);
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

it('that are thrown lose only those of their parts that cannot cross or be read', () => {
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
    const encoder = new Encoder(way === 'threads', true);
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

it('are as they were when they were encoded, a resizable buffer too', () => {
  const buffer = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(8, {
    maxByteLength: 16,
  });
  for (const way of eachWay) {
    const encoder = new Encoder(way === 'threads', true);
    new Uint8Array(buffer)[0] = 1;
    const first = encoder.encode(buffer) as ArrayBuffer & { maxByteLength: number };
    new Uint8Array(buffer)[0] = 2;
    assert.equal([new Uint8Array(first)[0], first.byteLength, first.maxByteLength], [1, 8, 16]);
  }
});

it('that are long arrays are looked through as short ones are', () => {
  class Plain {}
  for (const length of [10, 64, 65, 1_000]) {
    const make = (more: object) => Object.assign(Array(length).fill(1), more);
    assert.match(refusal(make({ unit: new Plain() })).why, /an instance of Plain/);
    const view = new Float64Array(1_000).subarray(0, 1);
    assert.is(
      (sent(make({ view }), 'threads') as unknown as { view: Float64Array }).view.buffer.byteLength,
      8,
    );
    const holes: unknown[] = Array(length);
    holes[length - 1] = -0;
    const arrived = sent(holes, 'threads') as unknown[];
    assert.ok(!(0 in arrived) && Object.is(arrived[length - 1], -0) && arrived.length === length);
  }
});

it('of a class that extends null, or of a subclass of memory, are no plain objects', () => {
  class Bare extends (null as unknown as new () => object) {}
  assert.match(refusal(Object.create(Bare.prototype)).why, /an instance of Bare/);
  class Memory extends ArrayBuffer {}
  assert.match(refusal(new Memory(8)).why, /an instance of Memory/);
});

it('of another realm arrive as this one’s', async () => {
  const { runInNewContext } = await import('node:vm');
  const foreign = runInNewContext(
    '({ a: [1, , 3], m: new Map([["k", new Date(5)]]), s: new Set([/a/g]), f: Float64Array.of(1), n: Object.create(null) })',
  );
  for (const way of eachWay) {
    const arrived = sent(foreign, way) as {
      a: unknown[];
      m: Map<string, Date>;
      s: Set<RegExp>;
      f: Float64Array;
    };
    same(arrived, structuredClone(foreign));
    assert.instance(arrived.m, Map);
  }
  const error = sent(runInNewContext('new TypeError("foreign")'), 'threads');
  assert.instance(error, TypeError);
});

it('that only look like a mark are left alone', () => {
  for (const way of eachWay)
    for (const kind of ['instance', 'buffer', 'view', 'error']) {
      const value = [{ tag: {}, kind, own: [], base: 'Error', name: 'Qobj' }, Buffer.from('a')];
      same(sent(value, way), value);
    }
});

values.run();
