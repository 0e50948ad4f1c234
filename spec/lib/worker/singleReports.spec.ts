import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ReportMessage, Transferable, WorkerMessage } from '../../../lib/protocol/messages.js';
import { decodeThrown } from '../../../lib/serialization/decode.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';
import { transfer } from '../../../lib/serialization/transfer.js';
import { ChunkReporter } from '../../../lib/worker/chunkReporter.js';
import { OutputStreams } from '../../../lib/worker/outputStreams.js';
import { PortChannel } from '../../../lib/worker/portChannel.js';
import { ReportBuilder } from '../../../lib/worker/reportBuilder.js';
import type { WorkerChannel } from '../../../lib/worker/workerChannel.js';
import { timed } from '../../support/deadline.js';
import { decodedRows } from '../serialization/roundTrip.js';

const suited = suite('reports that Node refuses to send');
const it = timed(suited);

const builder = (sharedMemory = true) =>
  new ReportBuilder({
    capacity: 8,
    sharedMemory,
    functionsByReference: true,
    literalArrays: false,
    since: 0,
  });

/** A port that cannot be sent any more. */
function closedPort(): MessagePort {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
}

/** Posts what was built through a real port; returns the reports that come out. */
function posted(built: ReportBuilder): ReportMessage[] {
  const { port1, port2 } = new MessageChannel();
  const { report, transferList } = built.build({ now: 5, last: true });
  new ChunkReporter(new PortChannel(port2), new OutputStreams([])).post(report, transferList);
  const reports: ReportMessage[] = [];
  for (;;) {
    const received = receiveMessageOnPort(port1);
    if (!received) break;
    reports.push(received.message);
  }
  port1.close();
  return reports;
}

/** Says of reports of one input each what they report. */
const told = (reports: readonly ReportMessage[]) =>
  reports.map(({ rows, failures, tag }) => {
    const [failure] = failures;
    if (!failure) return decodedRows(rows)[0];
    if (failure.untransferable) return failure.untransferable;
    return decodeThrown(failure.cause, tag);
  });

it('a report that can be sent is sent whole', () => {
  const built = builder();
  for (const row of [1, 2]) built.add(row);
  assert.equal(
    posted(built).map(({ count, last }) => [count, last]),
    [[2, true]],
  );
});

it('a row that Node refuses to send is the failure of its own input, and the other rows arrive with their memory', () => {
  const built = builder();
  const view = new Float64Array(1000).fill(1);
  const open = new MessageChannel();
  built.add({ view: transfer(view) });
  built.add({ port: transfer(closedPort()) });
  built.add({ view, map: new Map([['port', transfer(open.port1)]]), date: new Date(0) });
  built.fail(new Error('of the task'));
  built.fail(new SerializationError('gone', '.a'));
  const reports = posted(built);
  assert.equal(
    reports.map(({ count, last, elapsed }) => [count, last, elapsed]),
    [
      [1, false, 5],
      [1, false, 0],
      [1, false, 0],
      [1, false, 0],
      [1, true, 0],
    ],
  );
  const [first, second, third, fourth, fifth] = told(reports) as [
    { view: Float64Array },
    { what: string; path: string; why: string },
    { view: Float64Array; map: Map<string, MessagePort>; date: Date },
    Error,
    unknown,
  ];
  assert.equal(first.view, new Float64Array(1000).fill(1));
  assert.equal([second.what, second.path], ['result', '']);
  assert.match(second.why, /a value that cannot be sent: .*MessagePort/);
  assert.equal(third.view, first.view);
  assert.equal(third.date, new Date(0));
  assert.is(third.map.get('port')?.constructor.name, 'MessagePort');
  third.map.get('port')?.close();
  assert.is(fourth.message, 'of the task');
  assert.equal(fifth, { what: 'input', path: '.a', why: 'gone' });
});

it('a thrown value that Node refuses to send loses the part for which it does', () => {
  const built = builder();
  built.fail(Object.assign(new RangeError('a'), { code: 5, port: transfer(closedPort()) }));
  const [error] = told(posted(built)) as [RangeError & { code: number; port: string }];
  assert.instance(error, RangeError);
  assert.equal([error.message, error.code, typeof error.port], ['a', 5, 'string']);
  assert.match(error.port, 'MessagePort');
});

it('where a channel between processes refuses a message, the inputs that it is for fail alone, in words at least', () => {
  const posts: WorkerMessage[] = [];
  const channel: WorkerChannel = {
    sharedMemory: false,
    listen: () => undefined,
    post(message: WorkerMessage, _list?: readonly Transferable[]) {
      if (/"?too large"/.test(JSON.stringify(message))) throw new RangeError('it is too long');
      posts.push(message);
    },
    hearArrived: async () => undefined,
    exit: () => undefined,
  };
  const built = builder(false);
  built.add('a');
  built.add('too large');
  built.fail(Object.assign(new Error('b'), { data: { deep: 'too large' } }));
  built.add('c');
  const { report, transferList } = built.build({ now: 5, last: true });
  new ChunkReporter(channel, new OutputStreams([])).post(report, transferList);
  const [first, second, third, fourth] = told(posts as ReportMessage[]) as [
    string,
    { why: string },
    Error,
    string,
  ];
  assert.equal([posts.length, first, fourth], [4, 'a', 'c']);
  assert.is(second.why, 'a value that cannot be sent: it is too long');
  assert.match(third.message, /the task threw .*b.*which cannot be sent/s);
});

suited.run();
