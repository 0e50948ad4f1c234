import { NotTransferableError, RunInWorkerError, TaskNotFoundError } from '../../errors.js';
import type { Failure, Report } from '../../executor.js';
import type { NotRunnable, ReportMessage } from '../../protocol/messages.js';
import { rowReader } from '../../serialization/columnBatch.js';
import { decodeThrown } from '../../serialization/decode.js';
import { batchDecoder, decodeBatch } from '../../serialization/decodeBatch.js';
import { SerializationError } from '../../serialization/serializationError.js';

/**
 * Returns a report as the run wants it. A row that cannot be put together here becomes the failure of its input.
 * @param own true if each column came in memory of its own
 */
export function reportOf({ count, rows, failures, tag, elapsed }: ReportMessage, own = false): Report {
  const decoded: Failure[] = failures.map(failure => ({
    ...failure,
    cause: decodeThrown(failure.cause, tag),
  }));
  const decoder = batchDecoder(rows);
  try {
    return { count, rows: { ...decodeBatch(rows, decoder), own }, failures: decoded, elapsed };
  } catch (error) {
    if (!decoder || !(error instanceof SerializationError)) throw error;
  }
  // Row by row, with what was decoded already: it was decoded in place, and an instance in two rows stays one.
  decoder.resume();
  const at = rowReader(rows);
  const good: unknown[] = [];
  const all = new Map(decoded.map(failure => [failure.offset, failure]));
  for (let offset = 0, row = 0; offset < count; offset++) {
    if (all.has(offset)) continue;
    try {
      good.push(decoder.decodeChild(at(row++)));
    } catch (error) {
      if (!(error instanceof SerializationError)) throw error;
      const { path, why } = error;
      all.set(offset, {
        offset,
        cause: undefined,
        untransferable: { what: 'result', path, why },
        expired: false,
      });
    }
  }
  const sorted = [...all.values()].sort((a, b) => a.offset - b.offset);
  return {
    count,
    rows: { length: good.length, shape: { kind: 'row' }, columns: [good] },
    failures: sorted,
    elapsed,
  };
}

/** Decodes the reason why a task could not be run at all. */
export const notRunnable = ({ error, tag }: NotRunnable): unknown => ownErrorOf(decodeThrown(error, tag));

/** Makes an error of this library again of the one that arrived under its name. */
export function ownErrorOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (error.name === 'TaskNotFoundError') {
    const { module, exportName, why, cause } = error as TaskNotFoundError;
    return new TaskNotFoundError(module, exportName, why, cause);
  }
  if (error.name === 'RunInWorkerError') return new RunInWorkerError(error.message);
  if (error.name === 'NotTransferableError') {
    const { what, path, why } = error as NotTransferableError;
    return new NotTransferableError({ index: undefined, input: undefined }, what, path, why);
  }
  return error;
}
