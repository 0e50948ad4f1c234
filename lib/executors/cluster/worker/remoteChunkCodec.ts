import type { Chunk, Report, Run } from '../../../executor.js';
import type { Definition, NotRunnable, PackedMessage, ReportMessage } from '../../../protocol/messages.js';
import { noRows } from '../../../serialization/columnBatch.js';
import type { Crossing } from '../../pool/chunkCodec.js';

/** A run of another program, as its definition came. */
export interface FarRun extends Run {
  readonly definition: Omit<Definition, 'id'>;
}

/** A chunk of another program, as its inputs came. */
export interface FarChunk extends Chunk {
  readonly message: PackedMessage;
}

/** A report for another program, as it will go. */
export interface FarReport extends Report {
  readonly message: ReportMessage;
}

/** Why another program's task could not be run, for that program to make an error of. */
export class FarOutcome extends Error {
  constructor(readonly outcome: NotRunnable) {
    super('the task cannot be run');
  }
}

/**
 * What came packed goes on packed: this thread makes no value of it, so it needs none of the classes that are registered
 * where tasks run, and spends no time on rows.
 */
export const farCrossing: Crossing = {
  far: true,
  define: (run, id) => ({ ...(run as FarRun).definition, id }),
  pack: chunk => ({ message: (chunk as FarChunk).message, moved: [] }),
  report: (message): FarReport => ({
    count: message.count,
    rows: noRows,
    failures: [],
    elapsed: message.elapsed,
    message,
  }),
  notRunnable: outcome => new FarOutcome(outcome),
};
