import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode, Encoder } from '../../../lib/serialization/encode.js';
import { isTransfer, transfer } from '../../../lib/serialization/transfer.js';
import { same } from '../../support/same.js';

const it = suite('transfer');

/** What is encoded, and the memory that would be moved. */
function encoded(value: unknown, { threads = true, results = true } = {}) {
  const encoder = new Encoder(threads, results);
  const message = encoder.encode(value);
  return { message, moved: [...encoder.moved], tag: encoder.tag };
}

it('gives its value as it is, whatever that is', () => {
  const view = new Float64Array(2);
  assert.is(transfer(view), view);
  assert.ok(isTransfer(view));
  for (const value of [1, 'a', null, undefined, true, 5n]) {
    assert.is(transfer(value), value);
    assert.not(isTransfer(value));
  }
  assert.not(isTransfer(new Float64Array(2)));
});

it('has memory moved and not copied', () => {
  const view = transfer(new Float64Array(5));
  const { message, moved } = encoded({ view });
  assert.is((message as { view: Float64Array }).view.buffer, view.buffer);
  assert.equal(moved, [view.buffer]);
  const buffer = transfer(new ArrayBuffer(8));
  assert.equal(encoded([buffer]).moved, [buffer]);
  const bytes = transfer(Buffer.from(new ArrayBuffer(16)));
  assert.equal(encoded(bytes).moved, [bytes.buffer]);
});

it('reaches all that is inside', () => {
  const value = {
    list: [new Float64Array(2), { map: new Map([['a', new Uint8Array(3)]]) }],
    buffer: new ArrayBuffer(1),
  };
  const { moved } = encoded(transfer(value));
  assert.equal(
    moved.map(memory => (memory as ArrayBuffer).byteLength),
    [16, 3, 1],
  );
});

it('reaches nothing beside it', () => {
  const [left, right] = [new Float64Array(2), new Float64Array(3)];
  const { message, moved } = encoded([left, transfer({ right }), left]);
  assert.equal(moved, [right.buffer]);
  assert.is.not((message as Float64Array[])[0]?.buffer, left.buffer);
});

it('copies what cannot be taken from its owner: the memory of a WebAssembly module', () => {
  const { buffer } = new WebAssembly.Memory({ initial: 1 });
  const bytes = new Uint8Array(buffer);
  bytes[0] = 7;
  const { message } = encoded(transfer(bytes));
  bytes[0] = 8;
  assert.equal([(message as Uint8Array)[0], (message as Uint8Array).length], [7, 65_536]);
});

it('copies part of a larger buffer all the same, and everything between processes', () => {
  const large = new ArrayBuffer(10_000);
  const { message, moved } = encoded(transfer(new Uint8Array(large, 8, 16)));
  assert.equal(moved, []);
  assert.is((message as Uint8Array).buffer.byteLength, 16);
  const view = transfer(new Float64Array(2));
  const apart = encoded(view, { threads: false });
  assert.equal(apart.moved, []);
  same(decode(apart.message, apart.tag), view);
  assert.is(view.length, 2);
});

it('does nothing to what goes to a task', () => {
  const view = transfer(new Float64Array(2));
  const { message, moved } = encoded(view, { results: false });
  assert.equal(moved, []);
  assert.is.not((message as Float64Array).buffer, view.buffer);
});

it('moves ports, which cannot be copied', () => {
  const { port1, port2 } = new MessageChannel();
  const { message, moved } = encoded(transfer({ port: port1 }));
  assert.is((message as { port: MessagePort }).port, port1);
  assert.equal(moved, [port1]);
  port1.close();
  port2.close();
});

it('may mark a value twice, and a value inside of a marked one', () => {
  const view = new Float64Array(2);
  assert.equal(encoded(transfer([transfer(transfer(view)), view])).moved, [view.buffer]);
});

it.run();
