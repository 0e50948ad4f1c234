import type { Chunk, Report, Run } from '../../executor.js';
import type { NotRunnable, ReportMessage, RunDefinition } from '../../protocol/messages.js';
import { encodeInputs } from '../../serialization/columnBatch.js';
import { definitionOf } from './definitionOf.js';
import { notRunnable, reportOf } from './reportOf.js';

/** How the values of runs and chunks get into messages to a worker, and out of its answers. */
export interface ChunkCodec {
  /** What is reported goes on to another process: workers neither share nor move memory in it. */
  readonly remote: boolean;
  /** @throws NotTransferableError, TypeError where the run's task, `args` or `kwargs` cannot cross */
  define(run: Run, id: number): RunDefinition;
  /** The chunk's inputs, up to the first one that cannot cross. */
  pack(chunk: Chunk): ReturnType<typeof encodeInputs>;
  report(message: ReportMessage): Report;
  /** Why the task could not be run at all. */
  notRunnable(thrown: NotRunnable): unknown;
}

/** The crossing of values of this program. */
export const chunkCodec = (threads: boolean): ChunkCodec => ({
  remote: false,
  define: (run, id) => definitionOf(run, id, threads),
  pack: chunk => encodeInputs(chunk.inputs, { sharedMemory: threads }),
  report: message => reportOf(message, threads),
  notRunnable,
});
