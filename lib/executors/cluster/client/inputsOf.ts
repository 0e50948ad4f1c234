import { sliceInputs } from '../../../dispatch/inputQueue.js';
import type { Chunk } from '../../../executor.js';
import { encodeInputs } from '../../../serialization/columnBatch.js';
import { toBytes } from '../protocol/codec.js';
import type { ChunkPayload } from '../protocol/messages.js';

/** The inputs of a chunk as a message; fewer of them where they are too many for one, or why the first cannot cross. */
export function inputsOf(
  chunk: Chunk,
  maxMessage: number,
): { inputs: Buffer; length: number } | { untransferable: { what: 'input'; path: string; why: string } } {
  for (let values = chunk.inputs; ; ) {
    const { message, rejected } = encodeInputs(values, { sharedMemory: false });
    if (message.length === 0)
      return { untransferable: { what: 'input', path: rejected?.path ?? '', why: rejected?.why ?? '' } };
    const payload: ChunkPayload = { inputs: message };
    const inputs = toBytes(payload);
    if (inputs.length <= maxMessage) return { inputs, length: message.length };
    if (message.length === 1)
      return { untransferable: { what: 'input', path: '', why: tooLarge(inputs, maxMessage) } };
    values = sliceInputs(values, 0, Math.ceil(message.length / 2));
  }
}

/** What to say of a message that is longer than `maxMessage`. */
export const tooLarge = (bytes: Uint8Array, most: number, remedy = 'pass less'): string =>
  `${bytes.length} bytes long, more than the ${most} of a message; raise \`maxMessage\` on both sides, or ${remedy}`;
