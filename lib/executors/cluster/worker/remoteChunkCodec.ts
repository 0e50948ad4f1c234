import type { Chunk, Report, Run } from '../../../executor.js';
import type { ColumnBatchMessage, ReportMessage, RunDefinition } from '../../../protocol/messages.js';
import { noRows } from '../../../serialization/columnBatch.js';
import type { ChunkCodec } from '../../pool/chunkCodec.js';
import { RemoteOutcomeError } from '../protocol/errors.js';

/** A run of another program, as its definition came. */
export interface RemoteRun extends Run {
  readonly definition: Omit<RunDefinition, 'id'>;
}

/** A chunk of another program, as its inputs came. */
export interface RemoteChunk extends Chunk {
  readonly message: ColumnBatchMessage;
}

/** A report for another program, as it will go. */
export interface RemoteReport extends Report {
  readonly message: ReportMessage;
}

/**
 * Passes column batches on as they came: this thread makes no value of them, so it needs none of the classes that are
 * registered where tasks run, and spends no time on rows.
 */
export const remoteChunkCodec: ChunkCodec = {
  remote: true,
  define: (run, id) => ({ ...(run as RemoteRun).definition, id }),
  pack: chunk => ({ message: (chunk as RemoteChunk).message, transferList: [] }),
  report: (message): RemoteReport => ({
    count: message.count,
    rows: noRows,
    failures: [],
    elapsed: message.elapsed,
    message,
  }),
  notRunnable: outcome => new RemoteOutcomeError(outcome),
};
