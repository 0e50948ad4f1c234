import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Report } from '../../../../lib/executor.js';
import type {
  TinypoolWorker,
  TinypoolWorkerObserver,
} from '../../../../lib/executors/pool/tinypoolWorker.js';
import { type ChunkObserver, WorkerHandle } from '../../../../lib/executors/pool/workerHandle.js';
import type {
  ChunkMessage,
  ReportMessage,
  WorkerCommand,
  WorkerMessage,
} from '../../../../lib/protocol/messages.js';
import { Encoder } from '../../../../lib/serialization/encode.js';
import { sleep } from '../../../support/deadline.js';

const handles = suite('the handle of a worker');

/** A handle whose worker says what the spec has it say. */
function handleOf(runtime: 'worker_threads' | 'child_process') {
  const log: string[] = [];
  const sent: WorkerCommand[] = [];
  /** Chunks that Node does not clone. */
  const refused = new Set<number | undefined>();
  /** Messages that lie in the port. */
  const unheard: WorkerMessage[] = [];
  let said: TinypoolWorkerObserver | undefined;
  const worker: Pick<TinypoolWorker, keyof TinypoolWorker> = {
    start: () => log.push('start'),
    send: command => {
      if (refused.has(command.chunk?.id)) throw new Error(`chunk ${command.chunk?.id} is refused`);
      sent.push(command);
    },
    poll: () => {
      for (const message of unheard.splice(0)) said?.message(message);
    },
    stopListening: () => undefined,
    kill: () => log.push('kill'),
    destroy: async () => {
      log.push('destroy');
    },
    abandon: () => log.push('abandon'),
  };
  const handle = new WorkerHandle(
    { runtime },
    {
      stray: error => log.push(`stray ${error}`),
      loaded: () => log.push('loaded'),
      freed: () => log.push('freed'),
      gone: () => log.push('gone'),
      unresponsive: () => log.push('unresponsive'),
    },
    (_, observer) => {
      said = observer;
      return worker;
    },
  );
  return { handle, log, sent, refused, unheard, said: said as unknown as TinypoolWorkerObserver };
}

const chunk = (name: string, log: string[], onRead?: () => void): ChunkObserver => ({
  isAnswerDue: false,
  loading: undefined,
  turn: () => log.push(`${name} turn`),
  begun: () => log.push(`${name} begun`),
  loaded: () => log.push(`${name} loaded`),
  started: () => log.push(`${name} started`),
  returned: () => log.push(`${name} returned`),
  read: () => {
    onRead?.();
    return {} as Report;
  },
  report: (_, last) => log.push(`${name} report${last ? ', the last' : ''}`),
  unsendable: error => log.push(`${name} unsendable: ${(error as Error).message}`),
  done: notRunnable => log.push(`${name} done${notRunnable ? ', not runnable' : ''}`),
  lost: ({ reason }, blamed) => log.push(`${name} lost${blamed ? ', blamed' : ''}: ${reason}`),
});

const message = (id: number): ChunkMessage => ({ id, definition: { id } }) as unknown as ChunkMessage;
const report = (last: boolean): ReportMessage => ({ kind: 'report', last }) as unknown as ReportMessage;

handles('a worker runs its chunks in order, and is free when the last has ended', () => {
  const { handle, log, said } = handleOf('worker_threads');
  handle.run(message(1), [], chunk('a', log));
  handle.run(message(2), [], chunk('b', log));
  assert.is(handle.load, 2);
  said.message(report(false));
  said.message(report(true));
  assert.is(handle.load, 1);
  said.message({ kind: 'end', notRunnable: undefined });
  assert.equal(log, [
    'a turn',
    'a report',
    'b turn',
    'freed',
    'a report, the last',
    'a done',
    'freed',
    'b done',
  ]);
  handle.end();
});

handles('what a worker said before it exited is heard first, and frees nobody', () => {
  const { handle, log, said, unheard } = handleOf('worker_threads');
  handle.run(message(1), [], chunk('a', log));
  handle.run(message(2), [], chunk('b', log));
  unheard.push(report(true));
  said.exited({ exitCode: 1, reason: 'exit code 1' });
  said.exited({ exitCode: 1, reason: 'again' });
  assert.equal(log, [
    'a turn',
    'gone',
    'b turn',
    'a report, the last',
    'a done',
    'abandon',
    'b lost, blamed: exit code 1',
  ]);
});

handles('the error that ended a worker is the reason, also where it lay in the port', () => {
  const { handle, log, said, unheard } = handleOf('worker_threads');
  handle.run(message(1), [], chunk('a', log));
  const encoder = new Encoder({ sharedMemory: true, transferMarked: true });
  unheard.push({ kind: 'fatal', error: encoder.encodeThrown(new Error('stray')), tag: encoder.tag });
  said.exited({ exitCode: 1, reason: 'exit code 1' });
  assert.is(log.at(-1), 'a lost, blamed: an error that nobody caught');
});

handles('a message that comes while another is read waits for it', () => {
  const { handle, log, said } = handleOf('worker_threads');
  const a = chunk('a', log, () => {
    log.push('reading');
    said.message({ kind: 'returned' });
  });
  handle.run(message(1), [], a);
  said.message(report(false));
  assert.equal(log, ['a turn', 'reading', 'a report', 'a returned']);
  handle.end();
});

handles('a report that cannot be read costs the worker, and its chunks run again', async () => {
  const { handle, log, said } = handleOf('worker_threads');
  const a = chunk('a', log, () => {
    throw new RangeError('deep');
  });
  handle.run(message(1), [], a);
  said.message(report(false));
  await sleep(1);
  assert.equal(log, ['a turn', 'destroy', 'a lost, blamed: a message of it cannot be read', 'gone']);
});

handles('a process is sent nothing before it can listen', () => {
  const { handle, log, said, sent } = handleOf('child_process');
  handle.run(message(1), [], chunk('a', log));
  handle.cancel(7);
  assert.equal(sent, []);
  said.message({ kind: 'ready' });
  assert.equal(
    sent.map(({ chunk, cancel }) => chunk?.id ?? cancel),
    [1, 7],
  );
  handle.end();
});

handles('a worker forgets a definition once it has no chunk, and is told once', () => {
  const { handle, log, said, sent } = handleOf('worker_threads');
  handle.run(message(5), [], chunk('a', log));
  assert.ok(handle.knows(5));
  handle.forget(5);
  handle.forget(5);
  assert.is(sent.length, 1);
  said.message({ kind: 'end', notRunnable: undefined });
  assert.equal(sent[1]?.forget, [5]);
  assert.not(handle.knows(5));
});

handles(
  'a worker that is ended loses its chunks, the first of them blamed; one that was given up blames nobody',
  async () => {
    const ended = handleOf('worker_threads');
    ended.handle.run(message(1), [], chunk('a', ended.log));
    ended.handle.run(message(1), [], chunk('b', ended.log));
    await Promise.all([ended.handle.end(), ended.handle.end()]);
    assert.equal(ended.log, ['a turn', 'destroy', 'a lost, blamed: it was ended', 'b lost: it was ended']);
    const given = handleOf('child_process');
    given.handle.run(message(1), [], chunk('a', given.log));
    await given.handle.giveUp();
    assert.equal(given.log, ['a turn', 'kill', 'destroy', 'a lost: it did not begin what it was given']);
  },
);

handles('a chunk that Node refuses to send as a process starts is told so, and those behind it go on', () => {
  const { handle, log, sent, refused, said } = handleOf('child_process');
  handle.run(message(1), [], chunk('a', log));
  handle.run(message(2), [], chunk('b', log));
  refused.add(1);
  assert.equal(sent, [], 'it does not listen yet');
  said.message({ kind: 'ready' });
  assert.equal(log, ['a turn', 'b turn', 'a unsendable: chunk 1 is refused']);
  assert.equal([handle.load, handle.knows(1), handle.knows(2)], [1, false, true]);
  said.message(report(true));
  assert.equal(log.slice(3), ['freed', 'b report, the last', 'b done']);
  handle.end();
});

handles('a run whose first chunk was refused gets its definition with the next', () => {
  for (const runtime of ['worker_threads', 'child_process'] as const) {
    const { handle, log, sent, refused, said } = handleOf(runtime);
    refused.add(1);
    if (runtime === 'child_process') said.message({ kind: 'ready' });
    handle.run(message(1), [], chunk('a', log));
    assert.equal([handle.load, handle.knows(1)], [0, false], runtime);
    refused.clear();
    handle.run(message(1), [], chunk('b', log));
    handle.run(message(1), [], chunk('c', log));
    assert.equal(
      sent.map(command => command.chunk?.definition?.id),
      [1, undefined],
      runtime,
    );
    assert.equal(log, ['a unsendable: chunk 1 is refused', 'b turn'], runtime);
    handle.end();
  }
});

handles('a definition that is forgotten before a process listens is forgotten', () => {
  const { handle, log, sent, said } = handleOf('child_process');
  handle.run(message(1), [], chunk('a', log));
  assert.ok(handle.knows(1));
  handle.forget(1);
  said.message({ kind: 'ready' });
  said.message(report(true));
  assert.equal(sent.at(-1)?.forget, [1]);
  assert.not(handle.knows(1));
});

handles.run();
