import type { BatchColumn, ColumnBatch } from '../protocol/columnBatch.js';
import type { ColumnBatchMessage } from '../protocol/messages.js';
import { Decoder } from './decode.js';
import { type FoundFunction, markedFunction } from './markedFunctions.js';
import { SerializationError } from './serializationError.js';

/**
 * Returns a column batch as it was before it was sent.
 * @throws SerializationError where an instance in it cannot be made here, or a function of a module is not loaded
 */
export function decodeBatch(message: ColumnBatchMessage, decoder = batchDecoder(message)): ColumnBatch {
  const { tag: _, functions: __, ...batch } = message;
  // All at once: a value that stands in two columns stays one value.
  return decoder ? { ...batch, columns: decoder.decodeChild(batch.columns) as BatchColumn[] } : batch;
}

/** Returns the decoder of a batch; `undefined` where nothing in it is encoded. */
export const batchDecoder = ({ tag, functions }: ColumnBatchMessage): Decoder | undefined =>
  tag && new Decoder(tag, functionsHere(functions));

/** Returns the functions that a batch names, as far as they are loaded here: rows are put together at once. */
const functionsHere = (functions: ColumnBatchMessage['functions']): FoundFunction[] | undefined =>
  functions?.map(
    reference =>
      markedFunction(reference) ??
      new SerializationError(
        `the function ${reference.name} of ${reference.url}, which is not loaded here; import that module before the run, or return data`,
      ),
  );
