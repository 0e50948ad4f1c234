import type { Chunk, Report, Run } from '../../executor.js';
import type { NotRunnable, ReportMessage, RunDefinition } from '../../protocol/messages.js';
import { type EncodedInputs, encodeInputs } from '../../serialization/encodeInputs.js';
import { definitionOf } from './definitionOf.js';
import { notRunnable, reportOf } from './reportOf.js';

/** Makes messages to a worker of the values of runs and chunks, and values of its answers. */
export interface ChunkCodec {
  /** True if reports go on to another process: workers neither share nor move memory in them. */
  readonly remote: boolean;
  /** @throws NotTransferableError, TypeError where the run's task, `args` or `kwargs` cannot cross */
  define(run: Run, id: number): RunDefinition;
  /** Encodes the chunk's inputs, up to the first one that cannot cross. */
  pack(chunk: Chunk): EncodedInputs;
  report(message: ReportMessage): Report;
  /** Returns the reason why the task could not be run at all. */
  notRunnable(thrown: NotRunnable): unknown;
}

/** Makes the codec for values of this program. */
export const chunkCodec = (threads: boolean): ChunkCodec => ({
  remote: false,
  define: (run, id) => definitionOf(run, id, threads),
  pack: chunk => encodeInputs(chunk.kept ?? chunk.inputs, { sharedMemory: threads }),
  report: message => reportOf(message, threads),
  notRunnable,
});
