import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode } from '../../../lib/serialization/decode.js';
import { Encoder } from '../../../lib/serialization/encode.js';
import { isTransfer, transfer } from '../../../lib/serialization/transfer.js';
import { same } from '../../support/same.js';

const it = suite('transfer');

/** Encodes a value, and lists the memory that would be transferred. */
function encoded(value: unknown, { sharedMemory = true, transferMarked = true } = {}) {
  const encoder = new Encoder({ sharedMemory, transferMarked });
  const message = encoder.encode(value);
  return { message, transferred: [...encoder.transferList], tag: encoder.tag };
}

it('transfer() gives its value as it is, whatever that is', () => {
  const view = new Float64Array(2);
  assert.is(transfer(view), view);
  assert.ok(isTransfer(view));
  for (const value of [1, 'a', null, undefined, true, 5n]) {
    assert.is(transfer(value), value);
    assert.not(isTransfer(value));
  }
  assert.not(isTransfer(new Float64Array(2)));
});

it('memory of a marked value is transferred and not copied', () => {
  const view = transfer(new Float64Array(5));
  const { message, transferred } = encoded({ view });
  assert.is((message as { view: Float64Array }).view.buffer, view.buffer);
  assert.equal(transferred, [view.buffer]);
  const buffer = transfer(new ArrayBuffer(8));
  assert.equal(encoded([buffer]).transferred, [buffer]);
  const bytes = transfer(Buffer.from(new ArrayBuffer(16)));
  assert.equal(encoded(bytes).transferred, [bytes.buffer]);
});

it('a mark reaches everything inside the value', () => {
  const value = {
    list: [new Float64Array(2), { map: new Map([['a', new Uint8Array(3)]]) }],
    buffer: new ArrayBuffer(1),
  };
  const { transferred } = encoded(transfer(value));
  assert.equal(
    transferred.map(memory => (memory as ArrayBuffer).byteLength),
    [16, 3, 1],
  );
});

it('a mark reaches nothing beside the value', () => {
  const [left, right] = [new Float64Array(2), new Float64Array(3)];
  const { message, transferred } = encoded([left, transfer({ right }), left]);
  assert.equal(transferred, [right.buffer]);
  assert.is.not((message as Float64Array[])[0]?.buffer, left.buffer);
});

it('marked memory that cannot be taken from its owner, that of a WebAssembly module, is copied', () => {
  const { buffer } = new WebAssembly.Memory({ initial: 1 });
  const bytes = new Uint8Array(buffer);
  bytes[0] = 7;
  const { message } = encoded(transfer(bytes));
  bytes[0] = 8;
  assert.equal([(message as Uint8Array)[0], (message as Uint8Array).length], [7, 65_536]);
});

it('a marked part of a larger buffer is copied all the same, and everything between processes', () => {
  const large = new ArrayBuffer(10_000);
  const { message, transferred } = encoded(transfer(new Uint8Array(large, 8, 16)));
  assert.equal(transferred, []);
  assert.is((message as Uint8Array).buffer.byteLength, 16);
  const view = transfer(new Float64Array(2));
  const apart = encoded(view, { sharedMemory: false });
  assert.equal(apart.transferred, []);
  same(decode(apart.message, apart.tag), view);
  assert.is(view.length, 2);
});

it('a mark does nothing to a value that goes to a task', () => {
  const view = transfer(new Float64Array(2));
  const { message, transferred } = encoded(view, { transferMarked: false });
  assert.equal(transferred, []);
  assert.is.not((message as Float64Array).buffer, view.buffer);
});

it('marked ports, which cannot be copied, are transferred', () => {
  const { port1, port2 } = new MessageChannel();
  const { message, transferred } = encoded(transfer({ port: port1 }));
  assert.is((message as { port: MessagePort }).port, port1);
  assert.equal(transferred, [port1]);
  port1.close();
  port2.close();
});

it('a value can be marked twice, and inside of a marked one', () => {
  const view = new Float64Array(2);
  assert.equal(encoded(transfer([transfer(transfer(view)), view])).transferred, [view.buffer]);
});

it.run();
