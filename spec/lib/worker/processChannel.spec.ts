import { EventEmitter } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportMessage, WorkerCommand } from '../../../lib/protocol/messages.js';
import { type ChildProcess, ProcessChannel } from '../../../lib/worker/processChannel.js';
import { timed } from '../../support/deadline.js';

const channels = suite('processChannel');
const it = timed(channels);

/** Makes a channel of a process that notes what it does. */
function fake() {
  const done: unknown[] = [];
  const events = new EventEmitter();
  const process = {
    send(message: unknown, sent?: () => void) {
      done.push(message);
      sent?.();
    },
    exit: (code: number) => done.push(`exit ${code}`),
    on: (event: string, listener: (message: unknown) => void) => events.on(event, listener),
  };
  const commands: WorkerCommand[] = [];
  const channel = new ProcessChannel(process as unknown as ChildProcess);
  channel.listen({ command: command => commands.push(command), unreadable: assert.unreachable });
  return { channel, process, done, events, commands };
}

const reportOf = (column: Float64Array | unknown[]): ReportMessage => ({
  kind: 'report',
  count: column.length,
  rows: { length: column.length, shape: { kind: 'row' }, columns: [column] },
  failures: [],
  tag: {},
  elapsed: 1,
  last: false,
});

it('a process hears the commands of its executor, and no other message', () => {
  const { channel, events, commands } = fake();
  assert.not(channel.sharedMemory);
  const command = { chunk: undefined, forget: [1], cancel: 2 };
  events.emit('message', { rxParfor: command });
  for (const other of [null, 5, 'text', {}, Object.create({ rxParfor: command })])
    events.emit('message', other);
  assert.equal(commands, [command]);
});

it('a process says before a report that is long on its way that no task runs', () => {
  const { channel, done } = fake();
  for (const [column, isQuick] of [
    [new Float64Array(8_000), true],
    [new Float64Array(10_000), false],
    [['a'], false],
  ] as const) {
    const report = reportOf(column as Float64Array | unknown[]);
    channel.post(report);
    assert.equal(done.splice(0), [
      ...(isQuick ? [] : [{ rxParfor: { kind: 'returned' } }]),
      { rxParfor: report },
    ]);
  }
  channel.post({ kind: 'ready' });
  assert.equal(done, [{ rxParfor: { kind: 'ready' } }]);
});

it('a process ends as failed once everything that it has posted has left', () => {
  const { channel, process, done } = fake();
  process.send = assert.unreachable;
  process.exit = () => assert.unreachable() as never;
  channel.post({ kind: 'ready' });
  channel.exit();
  assert.equal(
    done,
    [{ rxParfor: { kind: 'ready' } }, {}, 'exit 1'],
    'with the methods that it had at first',
  );
});

it('everything that has arrived at a process is heard within one turn of the event loop', async () => {
  const { channel, events, commands } = fake();
  setImmediate(() => events.emit('message', { rxParfor: { cancel: 1 } }));
  await channel.hearArrived();
  assert.is(commands.length, 1);
});

channels.run();
