import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InputQueue } from '../../../lib/dispatch/inputQueue.js';
import { NO_HISTORY, type Segment } from '../../../lib/dispatch/segment.js';
import { propertyRuns } from '../../support/propertyRuns.js';

const filled = (...values: readonly unknown[]): InputQueue => {
  const inputs = new InputQueue();
  for (const value of values) inputs.push(value);
  return inputs;
};

/** Takes everything, at most so many at a time. */
function takeAll(inputs: InputQueue, limit: number): Segment[] {
  const segments: Segment[] = [];
  while (inputs.length > 0) segments.push(inputs.take(limit));
  return segments;
}

const milliseconds = (run: () => void): number => {
  const start = performance.now();
  run();
  return performance.now() - start;
};

test('numbers stay a Float64Array, also where they come and go by and by', () => {
  const inputs = filled(1, -0, 3);
  assert.equal(inputs.take(2), {
    first: 0,
    values: Float64Array.of(1, -0),
    alone: false,
    history: NO_HISTORY,
  });
  assert.ok(Object.is(filled(-0).take(1).values[0], -0));
  inputs.push(4);
  assert.equal(inputs.take(9), {
    first: 2,
    values: Float64Array.of(3, 4),
    alone: false,
    history: NO_HISTORY,
  });
  for (let i = 0; i < 1000; i++) inputs.push(i);
  for (const { values } of takeAll(inputs, 7)) assert.instance(values, Float64Array);
});

test('other values come as an array', () => {
  const [a, b] = [{}, () => 0];
  const { values } = filled(a, b, undefined, null, 1n, 'x').take(9);
  assert.ok(Array.isArray(values));
  assert.is(values[0], a);
  assert.equal(values, [a, b, undefined, null, 1n, 'x']);
});

test('a value that is no number: those before it come with it, as they were', () => {
  const inputs = filled(1, -0, 3, 'four', 5);
  assert.equal(inputs.take(1), { first: 0, values: [1], alone: false, history: NO_HISTORY });
  const { first, values } = inputs.take(9);
  assert.is(first, 1);
  assert.equal(values, [-0, 3, 'four', 5]);
  assert.ok(Object.is(values[0], -0));
});

test('what was given out keeps its values when more comes', () => {
  const numbers = filled(1, 2, 3);
  const [first, second] = [numbers.take(2), numbers.take(1)];
  const mixed = filled('a', 'b');
  const third = mixed.take(1);
  for (let i = 0; i < 100; i++) {
    numbers.push(-i);
    mixed.push('x');
  }
  assert.equal([first.values, second.values], [Float64Array.of(1, 2), Float64Array.of(3)]);
  assert.equal(third.values, ['a']);
});

test('fresh inputs come one by one, between segments and after them, and leave their memory to the next', () => {
  for (const values of [[1, 2, 3, 4, 5, 6], [...'abcdef'], [1, 'b', undefined, 4, null, 6]]) {
    const inputs = filled(...values.slice(0, 4));
    assert.ok(inputs.isFresh);
    assert.is(inputs.takeFresh(), values[0]);
    const { first, values: taken } = inputs.take(2);
    assert.is(first, 1);
    assert.is(inputs.takeFresh(), values[3]);
    assert.is(inputs.isFresh, false);
    for (const value of values.slice(4)) inputs.push(value);
    // What was given out as a segment is still what it was.
    assert.equal(Array.from(taken), values.slice(1, 3));
    inputs.putBack({ first, values: taken, alone: false, history: NO_HISTORY });
    assert.is(inputs.isFresh, false);
    assert.is(inputs.take(9).first, 1);
    assert.is(inputs.takeFresh(), values[4]);
    assert.is(inputs.first, 5);
    assert.is(inputs.takeFresh(), values[5]);
    assert.is(inputs.length, 0);
  }
});

test('an input that passes has an index, and the next one follows it', () => {
  const inputs = filled('a');
  inputs.takeFresh();
  assert.is(inputs.pass(), 1);
  inputs.push('c');
  assert.is(inputs.first, 2);
});

test('as many as are asked for, or as there are', () => {
  const inputs = filled(...'abcdef');
  assert.equal(inputs.take(4).values, [...'abcd']);
  assert.is(inputs.length, 2);
  assert.is(inputs.first, 4);
  assert.equal(inputs.take(4), { first: 4, values: [...'ef'], alone: false, history: NO_HISTORY });
  assert.is(inputs.length, 0);
  assert.is(inputs.next, 6);
});

test('put back: comes before all others, with its own index', () => {
  const inputs = filled(0, 1, 2, 3, 4, 5);
  const early = inputs.take(2);
  const late = inputs.take(2);
  inputs.putBack({
    ...late,
    first: 3,
    values: late.values instanceof Float64Array ? late.values.subarray(1) : [],
  });
  inputs.putBack(early);
  assert.is(inputs.length, 5);
  assert.is(inputs.first, 0);
  assert.equal(takeAll(inputs, 9), [
    { first: 0, values: Float64Array.of(0, 1), alone: false, history: NO_HISTORY },
    { first: 3, values: Float64Array.of(3, 4, 5), alone: false, history: NO_HISTORY },
  ]);
});

test('what lies in pieces goes out together, as long as it is consecutive and no suspect', () => {
  const inputs = new InputQueue();
  for (let i = 0; i < 40_000; i++) inputs.push(i);
  const early = inputs.take(100);
  assert.is(early.values.length, 100);
  const across = inputs.take(20_000);
  assert.equal([across.first, across.values.length], [100, 20_000]);
  assert.ok(across.values instanceof Float64Array && across.values.every((x, i) => x === 100 + i));
  inputs.putBack({ first: 20_099, values: [20_099], alone: true, history: NO_HISTORY });
  inputs.putBack({ first: 20_098, values: ['b'], alone: false, history: NO_HISTORY });
  inputs.putBack({ first: 20_097, values: Float64Array.of(20_097), alone: false, history: NO_HISTORY });
  assert.equal(
    takeAll(inputs, 100_000).map(({ first, values, alone }) => [first, values.length, alone]),
    [
      [20_097, 2, false],
      [20_099, 1, true],
      [20_100, 19_900, false],
    ],
  );
});

test('numbers and other values that lie in pieces go out together, each as it was', () => {
  const inputs = new InputQueue();
  inputs.putBack({ first: 1, values: ['b', 'c'], alone: false, history: NO_HISTORY });
  inputs.putBack({ first: 0, values: Float64Array.of(0), alone: false, history: NO_HISTORY });
  assert.equal(inputs.take(3).values, [0, 'b', 'c']);
});

test('memory that comes back serves later inputs, but only that of a whole block', () => {
  const inputs = new InputQueue();
  for (let i = 0; i < 20_000; i++) inputs.push(i);
  const { values: whole } = inputs.take(16_384);
  const { values: some } = inputs.take(3_616);
  inputs.recycle((whole as Float64Array).subarray(1));
  inputs.recycle(some);
  inputs.recycle(Array.from(whole));
  for (let i = 0; i < 20_000; i++) inputs.push(-i);
  assert.ok(Array.from(whole).every((x, i) => x === i));
  assert.ok(Array.from(some).every((x, i) => x === 16_384 + i));
  inputs.take(20_000);
  inputs.recycle(whole);
  for (let i = 0; i < 20_000; i++) inputs.push(i / 2);
  const { values: again } = inputs.take(16_384);
  assert.is(again, whole);
  assert.ok(Array.from(again).every((x, i) => x === i / 2));
});

test('put back while another that was is half given out', () => {
  const inputs = filled(...'abcdef');
  const all = inputs.take(6);
  inputs.putBack(all);
  assert.equal(inputs.take(2).values, ['a', 'b']);
  inputs.putBack({ first: 1, values: ['b'], alone: false, history: NO_HISTORY });
  assert.equal(
    takeAll(inputs, 3).map(({ first, values }) => [first, ...Array.from(values)]),
    [
      [1, 'b', 'c', 'd'],
      [4, 'e', 'f'],
    ],
  );
});

test('put back alone: one by one, whatever is asked for', () => {
  const inputs = filled(...'abcd');
  inputs.putBack({ ...inputs.take(3), alone: true, history: NO_HISTORY });
  assert.equal(takeAll(inputs, 9), [
    { first: 0, values: ['a'], alone: true, history: NO_HISTORY },
    { first: 1, values: ['b'], alone: true, history: NO_HISTORY },
    { first: 2, values: ['c'], alone: true, history: NO_HISTORY },
    { first: 3, values: ['d'], alone: false, history: NO_HISTORY },
  ]);
});

test('numbers are handed out where they lie: chunks share the memory that was collected', () => {
  const inputs = new InputQueue();
  for (let i = 0; i < 20_000; i++) inputs.push(i);
  const [a, b, c] = [1, 100, 1].map(limit => inputs.take(limit));
  assert.is((b!.values as Float64Array).buffer, (a!.values as Float64Array).buffer);
  inputs.putBack(c!);
  inputs.putBack(b!);
  assert.is((inputs.take(9).values as Float64Array).buffer, (a!.values as Float64Array).buffer);
});

test('a million values: no copy for each push, none for each take', () => {
  for (const value of [1, 'x']) {
    const inputs = new InputQueue();
    const ms = milliseconds(() => {
      for (let i = 0; i < 1_000_000; i++) inputs.push(value);
      assert.is(inputs.length, 1_000_000);
      let taken = 0;
      while (inputs.length > 0) {
        const { first, values } = inputs.take(100);
        assert.is(first, taken);
        taken += values.length;
      }
      assert.is(taken, 1_000_000);
    });
    // About 100 ms; each push a copy of what waits would be minutes.
    assert.ok(ms < 3000, `${ms} ms`);
  }
});

test('a hundred thousand that are put back one by one, and taken again', () => {
  const inputs = new InputQueue();
  for (let i = 0; i < 100_000; i++) inputs.push(i);
  const ms = milliseconds(() => {
    for (let i = 0; i < 100_000; i++) {
      const { first, values } = inputs.take(2);
      assert.is(first, i);
      if (values.length === 2)
        inputs.putBack({ first: i + 1, values: [values[1]], alone: true, history: NO_HISTORY });
    }
  });
  assert.is(inputs.length, 0);
  assert.ok(ms < 3000, `${ms} ms`);
});

/** What may be done to inputs; a part of what is out is put back by its place in the list of what is out. */
type Step =
  | { readonly push: readonly unknown[] }
  | { readonly take: number }
  | { readonly putBack: number; readonly from: number; readonly alone: boolean };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ push: fc.array(fc.oneof(fc.double(), fc.double(), fc.string()), { maxLength: 9 }) }),
    fc.record({
      push: fc.constantFrom(
        Array.from({ length: 500 }, (_, i) => i),
        Array(17_000).fill(7),
      ),
    }),
    fc.record({ take: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constant(20_000)) }),
    fc.record({ putBack: fc.nat(), from: fc.nat(), alone: fc.boolean() }),
  ),
  { maxLength: 40 },
);

test('a queue that is put back to at the front: as a plain list of values would be', () => {
  fc.assert(
    fc.property(steps, steps => {
      const inputs = new InputQueue();
      let waiting: { index: number; value: unknown; alone: boolean }[] = [];
      let out: { segment: Segment; expected: unknown[] }[] = [];
      let pushed = 0;
      for (const step of steps) {
        if ('push' in step)
          for (const value of step.push) {
            inputs.push(value);
            waiting.push({ index: pushed++, value, alone: false });
          }
        else if ('take' in step) {
          if (waiting.length === 0) continue;
          assert.is(inputs.first, waiting[0]!.index);
          const segment = inputs.take(step.take);
          const { length } = segment.values;
          assert.ok(length >= 1 && length <= step.take);
          const expected = waiting.slice(0, length);
          waiting = waiting.slice(length);
          assert.ok(
            expected.every(({ index }, i) => index === segment.first + i),
            'consecutive',
          );
          assert.ok(expected.every(({ alone }) => alone === segment.alone));
          if (segment.alone) assert.is(length, 1);
          out.push({ segment, expected: expected.map(({ value }) => value) });
        } else {
          const given = out[step.putBack % out.length];
          if (!given) continue;
          const { segment, expected } = given;
          const { first, values } = segment;
          const from = step.from % expected.length;
          const rest =
            values instanceof Float64Array ? values.subarray(from) : (values as unknown[]).slice(from);
          inputs.putBack({ first: first + from, values: rest, alone: step.alone, history: NO_HISTORY });
          const back = expected
            .slice(from)
            .map((value, i) => ({ index: first + from + i, value, alone: step.alone }));
          waiting = [...back, ...waiting];
          out = out.filter(other => other !== given);
        }
        assert.is(inputs.length, waiting.length);
        assert.is(inputs.next, pushed);
      }
      // Nothing that is out was written over.
      for (const { segment, expected } of out)
        assert.ok(expected.every((value, i) => Object.is(segment.values[i], value)));
    }),
    { numRuns: propertyRuns(300) },
  );
});

for (const given of ['at once', 'later'])
  test(`an input that pushes another one as it is kept comes after it, and both are as they were (${given} given out)`, () => {
    const inputs = new InputQueue();
    const taken: Segment[] = [];
    const outer = {
      get name() {
        if (inputs.next < 2) inputs.push({ name: 'inner' });
        if (given === 'at once' && inputs.length > 0) taken.push(inputs.take(9));
        return 'outer';
      },
    };
    inputs.push({ name: 'first' });
    inputs.push(outer);
    inputs.push({ name: 'last' });
    taken.push(...takeAll(inputs, 9));
    const values = taken.flatMap(segment => {
      for (const value of Array.from(segment.values))
        if (value !== outer) (value as { name: string }).name = 'changed';
      return Array.from(segment.emitted?.restore(segment.values) ?? segment.values);
    });
    assert.equal(
      values.map(value => (value as { name: string }).name),
      ['first', 'inner', 'outer', 'last'],
    );
    for (const { values, emitted } of taken) assert.is(emitted?.kept(values).length, values.length);
  });

test.run();
