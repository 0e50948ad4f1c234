import type { Chunk, Failure } from '../../../executor.js';
import type { ColumnBatch } from '../../../protocol/columnBatch.js';
import { sliceBatch } from '../../../serialization/columnBatch.js';
import { encodeInputs } from '../../../serialization/encodeInputs.js';
import { toBytes } from '../protocol/codec.js';
import { tooLarge } from '../protocol/messageSize.js';
import type { ChunkPayload } from '../protocol/messages.js';
import { clusterFunctionOf } from './clusterTaskOf.js';

type Inputs = ArrayLike<unknown> | ColumnBatch;

/** The inputs of a chunk as a message. */
export interface PackedInputs {
  readonly bytes: Buffer;
  /** The number of inputs that the message holds. */
  readonly length: number;
}

/**
 * Packs the inputs of a chunk into a message, and fewer of them where all are too many for one.
 * @param options `root`: the project's root, from which functions in inputs are named
 * @returns the message, or why the first input cannot cross
 * @throws TaskNotFoundError where a function in an input is of a module that other hosts would not find
 */
export function inputsOf(
  chunk: Chunk,
  { root, maxMessage }: { readonly root: string; readonly maxMessage: number },
): PackedInputs | { readonly untransferable: NonNullable<Failure['untransferable']> } {
  for (let values = chunk.kept ?? chunk.inputs; ; ) {
    const { message, rejected } = encodeInputs(values, { sharedMemory: false });
    if (message.length === 0)
      return { untransferable: { what: 'input', path: rejected?.path ?? '', why: rejected?.why ?? '' } };
    const { functions = [], ...inputs } = message;
    const payload: ChunkPayload = {
      inputs,
      functions: functions.map(reference => clusterFunctionOf(reference, root)),
    };
    const bytes = toBytes(payload);
    if (bytes.length <= maxMessage) return { bytes, length: message.length };
    if (message.length === 1)
      return { untransferable: { what: 'input', path: '', why: tooLarge(bytes.length, maxMessage) } };
    values = firstOf(values, Math.ceil(message.length / 2));
  }
}

/** Returns the first of some values, without copying numbers. */
function firstOf(values: Inputs, count: number): Inputs {
  if (values instanceof Float64Array) return values.subarray(0, count);
  return 'shape' in values ? sliceBatch(values, 0, count) : (values as unknown[]).slice(0, count);
}
