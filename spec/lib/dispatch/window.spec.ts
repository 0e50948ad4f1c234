import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ChunkSize } from '../../../lib/dispatch/chunkSize.js';
import { DelayedRetries } from '../../../lib/dispatch/delayedRetries.js';
import { InputQueue } from '../../../lib/dispatch/inputQueue.js';
import { ReorderBuffer } from '../../../lib/dispatch/reorderBuffer.js';
import { Window } from '../../../lib/dispatch/window.js';

function windowOf({ ordered, maxBuffered }: { ordered: boolean; maxBuffered?: number }) {
  const inputs = new InputQueue();
  const retries = new DelayedRetries(5, () => undefined);
  const reorderBuffer = ordered ? new ReorderBuffer(() => undefined) : undefined;
  const size = new ChunkSize({ timeSlice: 8, maxInputs: 100 }, 2, 10);
  const window = new Window({ inputs, retries, reorderBuffer, size, maxBuffered });
  for (let i = 0; i < 100; i++) inputs.push(i);
  const give = (count: number) => {
    const segment = inputs.take(count);
    window.moveTo(segment.first + segment.values.length);
    return segment;
  };
  return { window, inputs, retries, reorderBuffer, give };
}

test('an ordered run may give out one input more than may wait for the first', () => {
  const { window, give } = windowOf({ ordered: true, maxBuffered: 5 });
  assert.is(window.room(2), 6);
  give(4);
  assert.is(window.room(2), 2);
  give(2);
  assert.is(window.room(2), 0);
});

test('what came back may always go, as all others may wait for it', () => {
  const { window, inputs, give } = windowOf({ ordered: true, maxBuffered: 5 });
  const segment = give(6);
  inputs.putBack(segment);
  assert.is(window.room(2), 6);
});

test('by default a thousand results for each worker may wait', () => {
  const { window } = windowOf({ ordered: true });
  assert.is(window.room(3), 3 * 1024 + 1);
});

test('an unordered run is bounded by its retries alone', () => {
  const { window, retries, give } = windowOf({ ordered: false, maxBuffered: 5 });
  give(50);
  assert.is(window.room(2), Infinity);
  retries.add([give(1), give(1)]);
  assert.is(window.room(2), 3);
  retries.stop();
  assert.is(window.room(2), Infinity);
});

test.run();
