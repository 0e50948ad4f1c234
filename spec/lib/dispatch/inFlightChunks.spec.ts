import { Observable } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { InFlightChunk } from '../../../lib/dispatch/inFlightChunk.js';
import { InFlightChunks } from '../../../lib/dispatch/inFlightChunks.js';
import { NO_HISTORY } from '../../../lib/dispatch/segment.js';
import type { Chunk } from '../../../lib/executor.js';

const listener = { report() {}, failed() {}, completed() {} };
const make = (inputs: string, after?: InFlightChunk, alone = false) =>
  new InFlightChunk(
    { inputs: [...inputs], first: 0 } as unknown as Chunk,
    { first: 0, values: [...inputs], alone, history: NO_HISTORY },
    after,
    listener,
  );

function three() {
  const chunks = new InFlightChunks();
  const first = make('abc');
  const behind = make('de', first);
  const other = make('f', undefined, true);
  for (const chunk of [first, behind, other]) chunks.add(chunk);
  return { chunks, first, behind, other };
}

test('a chunk that is queued behind another keeps no worker busy until that one has left', () => {
  const { chunks, first, behind, other } = three();
  assert.is(chunks.busyWorkers, 2);
  chunks.leave(first);
  assert.is(chunks.busyWorkers, 2, 'its worker goes on with the next');
  chunks.leave(behind);
  chunks.leave(other);
  assert.is(chunks.busyWorkers, 0);
  assert.equal(chunks.problems(), []);
});

test('a chunk that leaves before the one that it is queued behind frees no worker', () => {
  const { chunks, behind, first } = three();
  chunks.leave(behind);
  assert.is(chunks.busyWorkers, 2);
  assert.is(chunks.withRoomBehind(), first);
});

test('there is room behind a chunk that is neither queued, nor has one queued, nor goes alone', () => {
  const { chunks, first } = three();
  assert.is(chunks.withRoomBehind(), undefined);
  const more = make('g');
  chunks.add(more);
  assert.is(chunks.withRoomBehind(), more);
  assert.is(first.queued?.after, first);
});

test('inputs with a worker are those of chunks that neither are queued nor wait', () => {
  const { chunks, first, other } = three();
  first.settled = 1;
  assert.is(chunks.unsettled, 5);
  assert.is(
    chunks.inputsWithWorkers(() => false),
    3,
  );
  assert.is(
    chunks.inputsWithWorkers(chunk => chunk === other.chunk),
    2,
  );
});

test('cancelling lets go of every chunk of its executor', () => {
  const { chunks, first, behind, other } = three();
  let cancelled = 0;
  for (const chunk of [first, behind, other])
    chunk.start(
      new Observable(() => () => {
        cancelled += 1;
      }),
    );
  chunks.cancel();
  assert.equal([cancelled, chunks.busyWorkers, chunks.unsettled], [3, 0, 0]);
});

test('what does not add up is told', () => {
  const { chunks, first } = three();
  first.queued = undefined;
  assert.match(chunks.problems().join(), 'the chunk at 0 waits for one that does not know');
});

test.run();
