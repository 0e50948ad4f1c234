import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { ColumnBatch } from '../protocol/columnBatch.js';

/** Smaller memory is left to the garbage collection (`bench/constants.ts`). */
const MIN_FREED_BYTES = 32_768;

/** A closed port: what is sent to it is gone at once. */
let closedPort: MessagePort | undefined;

/**
 * Frees the memory of a batch's numbers, which nobody will read again.
 *
 * The garbage collection leaves array buffers for long, up to 64 MB of them in each thread, and fresh memory for the
 * next ones costs more than this (`bench/memory.ts`).
 */
export function freeBuffers({ columns }: ColumnBatch): void {
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
