import { markAsUntransferable } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { isTransferable } from '../../../lib/serialization/buffers.js';
import { same } from '../../support/same.js';
import { eachWay, encoderFor, refusal, sentValue } from './roundTrip.js';

const it = suite('buffers');

it('a view travels without the buffer behind it', () => {
  const behind = Uint8Array.from({ length: 10_000 }, (_, i) => i).buffer;
  for (const way of eachWay) {
    const { a, b, c } = sentValue(
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

it('a large view is transferred, as a copy, between threads', () => {
  const large = new Float64Array(1_000);
  const encoder = encoderFor('threads', { transferMarked: false });
  const copy = encoder.encode({ large, again: large, small: new Float64Array(10) }) as {
    large: Float64Array;
    again: Float64Array;
  };
  assert.equal([...encoder.transferList], [copy.large.buffer]);
  assert.is.not(copy.large.buffer, large.buffer);
  assert.is(copy.again, copy.large);
  const apart = encoderFor('processes', { transferMarked: false });
  apart.encode({ large });
  assert.is(apart.transferList.size, 0);
});

it('shared memory is shared between threads only', () => {
  const shared = new Int32Array(new SharedArrayBuffer(8));
  assert.is((sentValue(shared, 'threads') as Int32Array).buffer.byteLength, 8);
  const encoder = encoderFor('threads');
  assert.is(encoder.encode(shared), shared);
  assert.match(refusal(shared, 'processes').why, /SharedArrayBuffer.*threads\(\)/);
  assert.match(refusal({ a: shared.buffer }, 'processes').why, /SharedArrayBuffer/);
});

it('a resizable buffer arrives as it was when it was encoded', () => {
  const buffer = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(8, {
    maxByteLength: 16,
  });
  for (const way of eachWay) {
    const encoder = encoderFor(way);
    new Uint8Array(buffer)[0] = 1;
    const first = encoder.encode(buffer) as ArrayBuffer & { maxByteLength: number };
    new Uint8Array(buffer)[0] = 2;
    assert.equal([new Uint8Array(first)[0], first.byteLength, first.maxByteLength], [1, 8, 16]);
  }
});

it('memory can be transferred unless its owner must keep it, and to ask leaves it where it is', () => {
  const resizable = new (ArrayBuffer as new (length: number, options: object) => ArrayBuffer)(8, {
    maxByteLength: 16,
  });
  for (const buffer of [new ArrayBuffer(8), new ArrayBuffer(0), resizable, new Float64Array(5_000).buffer]) {
    const { byteLength } = buffer;
    assert.ok(isTransferable(buffer));
    assert.is(buffer.byteLength, byteLength);
    structuredClone(buffer, { transfer: [buffer] });
    assert.is(buffer.byteLength, 0, 'and it is so');
  }
  const marked = new ArrayBuffer(8);
  markAsUntransferable(marked);
  for (const buffer of [new WebAssembly.Memory({ initial: 1 }).buffer, marked, Buffer.from('pool').buffer]) {
    const { byteLength } = buffer;
    assert.not(isTransferable(buffer as ArrayBuffer));
    assert.is(buffer.byteLength, byteLength);
  }
});

it('every kind of view, and a Buffer, arrives as what it is', () => {
  const bytes = Uint8Array.from({ length: 32 }, (_, i) => i).buffer;
  for (const way of eachWay)
    for (const view of [
      new Int8Array(bytes, 8, 8),
      new Uint8ClampedArray(bytes),
      new Uint16Array(bytes, 2, 3),
      new Float32Array(bytes),
      new BigInt64Array(bytes, 8, 1),
      new DataView(bytes, 1, 5),
      Buffer.from(bytes, 3, 4),
    ]) {
      const arrived = sentValue(view, way) as ArrayBufferView;
      assert.is(Object.getPrototypeOf(arrived), Object.getPrototypeOf(view));
      same(arrived, view);
    }
});

it('a view of a subclass is refused, as it would arrive as its base class', () => {
  class Samples extends Float64Array {}
  for (const way of eachWay)
    assert.match(
      refusal(new Samples(2), way).why,
      /an instance of Samples, which would arrive as a Float64Array/,
    );
});

it.run();
