import { NotTransferableError } from '../../errors.js';
import type { Run } from '../../executor.js';
import type { RunDefinition } from '../../protocol/messages.js';
import { Encoder } from '../../serialization/encode.js';
import { SerializationError } from '../../serialization/serializationError.js';
import { taskReference } from '../../task/taskReference.js';

/**
 * Returns the part that the chunks of a run share, made fit to cross.
 * @throws NotTransferableError where `args` or `kwargs` cannot, TypeError where the task cannot
 */
export function definitionOf(run: Run, id: number, threads: boolean): RunDefinition {
  const task = taskReference(run.task);
  const encoder = new Encoder({ sharedMemory: threads, transferMarked: false });
  const encode = <T>(what: 'args' | 'kwargs', value: T): T => {
    try {
      return encoder.encode(value) as T;
    } catch (error) {
      if (!(error instanceof SerializationError)) throw error;
      throw new NotTransferableError({ index: undefined, input: undefined }, what, error.path, error.why);
    }
  };
  const args = encode('args', run.args);
  const kwargs = encode('kwargs', run.kwargs);
  return { id, task, args, kwargs, spread: run.spread, tag: encoder.tag, functions: encoder.functions };
}
