import { deserialize, serialize } from 'node:v8';
import type { ColumnBatchMessage, Transferable } from '../../../lib/protocol/messages.js';
import { ColumnBatchBuilder, decodeBatch, rowReader } from '../../../lib/serialization/columnBatch.js';
import { Encoder } from '../../../lib/serialization/encode.js';

/** The two ways out of a thread: into another one, and into another process. */
export const ways = {
  threads: (message: unknown, moved: readonly Transferable[] = []): unknown =>
    structuredClone(message, { transfer: [...moved] as ArrayBuffer[] }),
  processes: (message: unknown): unknown => deserialize(serialize(message)),
};

export type Way = keyof typeof ways;

export const eachWay = Object.keys(ways) as Way[];

/** Rows as they are packed on one side. */
export function pack(
  rows: readonly unknown[],
  way: Way,
  results = true,
): { message: ColumnBatchMessage; moved: Transferable[] } {
  const packer = new ColumnBatchBuilder(rows.length, new Encoder(way === 'threads', results));
  for (const row of rows) packer.add(row);
  return packer.take();
}

/** Rows as they are opened on the other side. */
export function unpackAll(message: ColumnBatchMessage): unknown[] {
  const packed = decodeBatch(message);
  const at = rowReader(packed);
  return Array.from({ length: packed.length }, (_, i) => at(i));
}

/** Rows after a trip. */
export function sent(rows: readonly unknown[], way: Way): unknown[] {
  const { message, moved } = pack(rows, way);
  return unpackAll(ways[way](message, moved) as ColumnBatchMessage);
}
