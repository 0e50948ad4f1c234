import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ColumnBatch } from '../protocol/columnBatch.js';

/** Smaller memory is left to the garbage collection (`bench/constants.ts`). */
const MIN_FREED_BYTES = 32_768;

/** A closed port: what is sent to it is gone at once. */
let closedPort: MessagePort | undefined;

/**
 * Frees the numbers of a batch that nobody will read again, where its memory is its own.
 *
 * The garbage collection leaves array buffers for long, up to 64 MB of them in each thread, and fresh memory for the
 * next ones costs more than this (`bench/memory.ts`).
 */
export function freeBuffers(batch: ColumnBatch): void {
  // Of an executor of one's own it may be somebody else's: its word counts only where it is its own property.
  if (!Object.hasOwn(batch, 'own') || !batch.own) return;
  const { columns } = batch;
  const buffers = new Set<ArrayBuffer>();
  for (const column of columns)
    if (column instanceof Float64Array && column.byteLength >= MIN_FREED_BYTES)
      buffers.add(column.buffer as ArrayBuffer);
  if (buffers.size === 0) return;
  if (!closedPort) {
    closedPort = new MessageChannel().port1;
    closedPort.close();
  }
  closedPort.postMessage(undefined, [...buffers]);
}
