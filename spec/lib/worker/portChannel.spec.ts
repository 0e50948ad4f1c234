import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WorkerCommand } from '../../../lib/protocol/messages.js';
import { PortChannel } from '../../../lib/worker/portChannel.js';
import { timed, until } from '../../support/deadline.js';

const channels = suite('portChannel');
const it = timed(channels);

it('a port carries commands to a thread, and messages and memory back', async () => {
  const { port1, port2 } = new MessageChannel();
  const channel = new PortChannel(port2);
  const commands: WorkerCommand[] = [];
  const unreadable: unknown[] = [];
  channel.listen({ command: command => commands.push(command), unreadable: error => unreadable.push(error) });
  assert.ok(channel.sharedMemory);
  port1.postMessage({ chunk: undefined, forget: [5], cancel: undefined });
  await until(() => commands.length === 1);
  assert.equal(commands[0]?.forget, [5]);
  port2.emit('messageerror', 'why');
  assert.equal(unreadable, ['why']);

  const { buffer } = new Float64Array(4);
  channel.post({ kind: 'ready' });
  channel.post({ kind: 'stray', error: buffer, tag: {} }, [buffer]);
  assert.equal(receiveMessageOnPort(port1)?.message, { kind: 'ready' });
  assert.is(receiveMessageOnPort(port1)?.message.error.byteLength, 32);
  assert.is(buffer.byteLength, 0);
  port1.close();
});

it('a port goes on to carry messages when a task has replaced its method', () => {
  const { port1, port2 } = new MessageChannel();
  const channel = new PortChannel(port2);
  port2.postMessage = () => undefined;
  channel.post({ kind: 'ready' });
  assert.equal(receiveMessageOnPort(port1)?.message, { kind: 'ready' });
  port1.close();
});

channels.run();
