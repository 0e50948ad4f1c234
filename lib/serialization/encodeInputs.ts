import type { ColumnBatch } from '../protocol/columnBatch.js';
import type { Transferable } from '../protocol/messages.js';
import { ColumnBatchBuilder, type EncodedBatch } from './columnBatchBuilder.js';
import { Encoder } from './encode.js';
import { SerializationError } from './serializationError.js';

/** Inputs as they are sent, up to the first one that cannot cross, which is then `rejected`. */
export interface EncodedInputs extends EncodedBatch {
  readonly rejected?: SerializationError;
}

/** True for a batch, among inputs that may be one or a list. */
const isBatch = (inputs: ArrayLike<unknown> | ColumnBatch): inputs is ColumnBatch =>
  Object.hasOwn(inputs, 'shape');

/**
 * Encodes inputs, up to the first one that cannot cross, which is then `rejected`.
 * @param values the inputs, or a column batch of single values that nobody else reads
 */
export function encodeInputs(
  values: ArrayLike<unknown> | ColumnBatch,
  { sharedMemory }: { readonly sharedMemory: boolean },
): EncodedInputs {
  if (isBatch(values)) {
    const transferList: Transferable[] = [];
    for (const column of values.columns)
      if (sharedMemory && column instanceof Float64Array) transferList.push(column.buffer as ArrayBuffer);
    return { message: { ...values, tag: undefined, functions: undefined }, transferList };
  }
  if (values instanceof Float64Array) {
    const column = values.slice();
    return {
      message: {
        length: values.length,
        shape: { kind: 'number' },
        columns: [column],
        tag: undefined,
        functions: undefined,
      },
      transferList: sharedMemory ? [column.buffer] : [],
    };
  }
  const builder = new ColumnBatchBuilder(values.length, new Encoder({ sharedMemory, transferMarked: false }));
  try {
    for (let i = 0; i < values.length; i++) builder.add(values[i]);
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    return { ...builder.take(), rejected: error };
  }
  return builder.take();
}
