import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode } from '../../../lib/serialization/decode.js';
import { HOLDS_WHOLE } from '../../../lib/serialization/encode.js';
import { uncrossable } from '../../fixtures/faults.js';
import { isKnot, knot, samples } from '../../fixtures/values.js';
import { timed } from '../../support/deadline.js';
import { same } from '../../support/same.js';
import { anyKey, anyValue, recordOf } from './arbitraries.js';
import { eachWay, encoderFor, refusal, sentValue, ways } from './roundTrip.js';

const tests = suite('encode');
const it = timed(tests);

it('a value of every kind arrives the same', () => {
  for (const way of eachWay)
    for (const [name, make] of Object.entries(samples))
      same(sentValue(make(), way), make(), `${name} by ${way}`);
});

it('any value arrives as structured clone would have it, and is left as it was', () => {
  fc.assert(
    fc.property(anyValue, fc.constantFrom(...eachWay), (value, way) => {
      const before = structuredClone(value);
      same(sentValue(value, way), before);
      same(structuredClone(value), before, 'left as it was');
    }),
    { numRuns: 1_000 },
  );
});

it('values are copied at once: what happens to them later is not seen', () => {
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
    const encoder = encoderFor(way);
    const message = { value: encoder.encode(value), tag: encoder.tag };
    value.list.push(3);
    value.map.get('a')?.push(2);
    value.view[0] = 9;
    value.date.setTime(9);
    new Uint8Array(value.memory)[0] = 9;
    value.buffer.fill('b');
    const arrived = ways[way](message, encoder.transferList) as typeof message;
    same(decode(arrived.value, arrived.tag), make());
  }
});

it('values that hold themselves and each other arrive so', () => {
  for (const way of eachWay) {
    assert.ok(isKnot(sentValue(knot(), way)));
    const set = new Set<unknown>();
    const map = new Map<unknown, unknown>([['set', set]]);
    set.add(map).add(set);
    map.set(map, map);
    same(sentValue(map, way), map);
    const buffer = Buffer.from('a');
    const [a, b] = sentValue([buffer, { buffer }], way) as [Buffer, { buffer: Buffer }];
    assert.is(a, b.buffer);
  }
});

it('a value that cannot cross is refused, with its place', () => {
  for (const way of eachWay)
    for (const [name, { make, path, says }] of Object.entries(uncrossable)) {
      const error = refusal(make(), way);
      assert.is(error.path, path, name);
      assert.match(error.why, says, name);
    }
});

it('a value that cannot cross is found wherever it is', () => {
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

it('a value that is too deep is refused before the stack is full, and a shallower one crosses', () => {
  const nest = (depth: number): unknown => {
    let value: unknown = 'core';
    for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { value };
    return value;
  };
  for (const way of eachWay) same(sentValue(nest(900), way), nest(900));
  for (const depth of [2_000, 100_000]) {
    const error = refusal(nest(depth));
    assert.match(error.why, /nested more than 1000 deep/);
    assert.is(error.path, '');
  }
});

it('long arrays are looked through as short ones are', () => {
  class Plain {}
  for (const length of [10, 64, 65, 1_000]) {
    const make = (more: object) => Object.assign(Array(length).fill(1), more);
    assert.match(refusal(make({ unit: new Plain() })).why, /an instance of Plain/);
    const view = new Float64Array(1_000).subarray(0, 1);
    assert.is(
      (sentValue(make({ view }), 'threads') as unknown as { view: Float64Array }).view.buffer.byteLength,
      8,
    );
    const holes: unknown[] = Array(length);
    holes[length - 1] = -0;
    const arrived = sentValue(holes, 'threads') as unknown[];
    assert.ok(!(0 in arrived) && Object.is(arrived[length - 1], -0) && arrived.length === length);
  }
});

it('parts of one value are encoded one by one, and keep what they share', () => {
  const shared = [1];
  const whole = { a: { shared }, b: shared, c: 5 };
  const encoder = encoderFor('threads');
  encoder.startWhole(whole);
  const a = encoder.encodePart(whole.a, 'a') as { shared: unknown };
  assert.equal(a, { shared: [1] });
  assert.is(encoder.encodePart(whole.b, 'b'), a.shared);
  assert.is(encoder.encodePart(whole.c, 'c'), 5);
  encoder.startWhole({});
  assert.is.not(encoder.encodePart(shared, 0), a.shared, 'and nothing with another value');
});

it('a part that holds the whole value says so, and the next value is not concerned', () => {
  const whole: Record<string, unknown> = { plain: [1] };
  whole.deep = { list: [new Map([['whole', whole]])] };
  whole.error = Object.assign(new Error('holds it'), { whole });
  for (const key of ['deep', 'error']) {
    const encoder = encoderFor('threads');
    encoder.startWhole(whole);
    assert.equal(encoder.encodePart(whole.plain, 'plain'), [1]);
    assert.is(encoder.encodePart(whole[key], key), HOLDS_WHOLE);
    encoder.startWhole([whole.plain]);
    assert.equal(encoder.encodePart(whole.plain, 0), [1]);
  }
});

it('a refusal inside a part names the place inside the whole value', () => {
  const whole = { a: [1, () => 1] };
  const encoder = encoderFor('processes');
  encoder.startWhole(whole);
  assert.throws(
    () => encoder.encodePart(whole.a, 'a'),
    (error: { path: string }) => error.path === '.a[1]',
  );
});

it('an encoder is tagged once something was marked for the other side', () => {
  const encoder = encoderFor('threads');
  encoder.encode([{ a: 1 }, new Map([[1, new Date(0)]])]);
  assert.not(encoder.tagged);
  encoder.encode(Buffer.from('a'));
  assert.ok(encoder.tagged);
});

tests.run();
