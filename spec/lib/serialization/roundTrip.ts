import { deserialize, serialize } from 'node:v8';
import type { ColumnBatchMessage, Transferable } from '../../../lib/protocol/messages.js';
import { rowReader } from '../../../lib/serialization/columnBatch.js';
import { ColumnBatchBuilder, type EncodedBatch } from '../../../lib/serialization/columnBatchBuilder.js';
import { decode } from '../../../lib/serialization/decode.js';
import { decodeBatch } from '../../../lib/serialization/decodeBatch.js';
import { Encoder } from '../../../lib/serialization/encode.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';

/** The two ways out of a thread: into another one, and into another process. */
export const ways = {
  threads: (message: unknown, transferList: Iterable<Transferable> = []): unknown =>
    structuredClone(message, { transfer: [...transferList] as ArrayBuffer[] }),
  processes: (message: unknown): unknown => deserialize(serialize(message)),
};

export type Way = keyof typeof ways;

export const eachWay = Object.keys(ways) as Way[];

/** Makes the encoder that a way needs: of results, as a worker has it, unless told otherwise. */
export const encoderFor = (way: Way, { transferMarked = true } = {}): Encoder =>
  new Encoder({ sharedMemory: way === 'threads', transferMarked });

/** Returns a value after a trip. */
export function sentValue(value: unknown, way: Way): unknown {
  const encoder = encoderFor(way);
  const message = { value: encoder.encode(value), tag: encoder.tag };
  const arrived = ways[way](message, encoder.transferList) as typeof message;
  return decode(arrived.value, arrived.tag);
}

/** Returns rows as they are sent. */
export function encodedRows(
  rows: readonly unknown[],
  way: Way,
  options?: { transferMarked: boolean },
): EncodedBatch {
  const builder = new ColumnBatchBuilder(rows.length, encoderFor(way, options));
  for (const row of rows) builder.add(row);
  return builder.take();
}

/** Returns rows as they are made again on the other side. */
export function decodedRows(message: ColumnBatchMessage): unknown[] {
  const batch = decodeBatch(message);
  const at = rowReader(batch);
  return Array.from({ length: batch.length }, (_, i) => at(i));
}

/** Returns rows after a trip. */
export function sentRows(rows: readonly unknown[], way: Way): unknown[] {
  const { message, transferList } = encodedRows(rows, way);
  return decodedRows(ways[way](message, transferList) as ColumnBatchMessage);
}

/** Returns why a value cannot be encoded, and where. */
export function refusal(value: unknown, way: Way = 'threads'): SerializationError {
  try {
    encoderFor(way).encode(value);
  } catch (error) {
    if (error instanceof SerializationError) return error;
    throw error;
  }
  throw new Error('it was encoded');
}
