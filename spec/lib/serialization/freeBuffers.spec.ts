import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { freeBuffers } from '../../../lib/serialization/freeBuffers.js';

const it = suite('freeBuffers');

it('large columns of numbers are freed, and nothing else', () => {
  const [large, again, small] = [new Float64Array(10_000), new Float64Array(10_000), new Float64Array(10)];
  const list = [new Float64Array(10_000)];
  for (const columns of [[large, small, list, large.subarray(5)], [again]]) {
    freeBuffers({ length: 10, shape: { kind: 'tuple' }, columns, own: true });
  }
  assert.equal([large.length, again.length], [0, 0]);
  assert.equal([small.length, list[0]?.length], [10, 10_000]);
  freeBuffers({ length: 0, shape: { kind: 'row' }, columns: [[]], own: true });
  const others = new Float64Array(10_000);
  freeBuffers({ length: 10_000, shape: { kind: 'number' }, columns: [others] });
  assert.is(others.length, 10_000, 'of a batch that does not say that its memory is its own');
});

it.run();
