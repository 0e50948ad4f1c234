import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WorkerOutbox } from '../../../../lib/executors/pool/workerOutbox.js';
import type { ChunkMessage, WorkerCommand } from '../../../../lib/protocol/messages.js';

/** An outbox, what it has sent, and the runs whose chunks are refused. */
function outboxOf({ isListening }: { isListening: boolean }) {
  const refused = new Set<number | undefined>();
  const sent: string[] = [];
  const send = ({ chunk, cancel, forget }: WorkerCommand) => {
    if (refused.has(chunk?.id)) throw new Error(`run ${chunk?.id} is refused`);
    if (chunk) sent.push(`${chunk.number} of run ${chunk.id}${chunk.definition ? ', defined' : ''}`);
    else sent.push(cancel === undefined ? `forget ${forget}` : `cancel ${cancel}`);
  };
  const outbox = new WorkerOutbox<number>(send, isListening);
  const give = (number: number, id: number) =>
    outbox.give({
      message: { number, id, definition: { id } } as unknown as ChunkMessage,
      transferList: [],
      chunk: number,
    });
  return { outbox, sent, refused, give };
}

test('the definition of a run goes to a worker with the first of its chunks, and again once it was forgotten', () => {
  const { outbox, sent, give } = outboxOf({ isListening: true });
  give(1, 7);
  give(2, 7);
  give(3, 8);
  outbox.forget(7);
  outbox.forget(7);
  outbox.forget(9);
  assert.ok(outbox.knows(7), 'until the worker is told');
  outbox.tellForgotten();
  outbox.tellForgotten();
  assert.not(outbox.knows(7));
  give(4, 7);
  assert.equal(sent, [
    '1 of run 7, defined',
    '2 of run 7',
    '3 of run 8, defined',
    'forget 7',
    '4 of run 7, defined',
  ]);
});

test('what comes before a worker listens is sent in its order once it does', () => {
  const { outbox, sent, give } = outboxOf({ isListening: false });
  give(1, 7);
  outbox.cancel(1);
  give(2, 7);
  assert.equal([sent, outbox.knows(7)], [[], true]);
  assert.equal(outbox.open(), []);
  outbox.cancel(2);
  assert.equal(sent, ['1 of run 7, defined', 'cancel 1', '2 of run 7', 'cancel 2']);
});

test('a chunk that Node refuses to send leaves the definition of its run to the next', () => {
  const now = outboxOf({ isListening: true });
  now.refused.add(7);
  assert.throws(() => now.give(1, 7), /run 7 is refused/);
  assert.not(now.outbox.knows(7));
  now.refused.clear();
  now.give(2, 7);
  assert.equal(now.sent, ['2 of run 7, defined']);

  const later = outboxOf({ isListening: false });
  later.refused.add(7);
  later.give(1, 7);
  later.give(2, 8);
  assert.equal(
    later.outbox.open().map(({ chunk, error }) => [chunk, (error as Error).message]),
    [[1, 'run 7 is refused']],
  );
  assert.equal([later.sent, later.outbox.knows(7)], [['2 of run 8, defined'], false]);
});

test.run();
