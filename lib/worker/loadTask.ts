import {
  attempt,
  describeThrown,
  NotTransferableError,
  type RunInWorkerError,
  TaskNotFoundError,
} from '../errors.js';
import type { ModuleReference, RunDefinition } from '../protocol/messages.js';
import { decode } from '../serialization/decode.js';
import type { FoundFunction } from '../serialization/markedFunctions.js';
import { SerializationError } from '../serialization/serializationError.js';
import { freshCall } from '../task/callPool.js';
import { SharedArguments } from '../task/sharedArguments.js';
import type { Task } from '../task/task.js';
import { explainFailure } from './explainFailure.js';
import { dropOwnFrames } from './ownFrames.js';
import { returnsLiteral } from './returnsLiteral.js';
import { shippedFunction } from './shippedFunction.js';
import { taskScope } from './taskScope.js';
import { explainTypeScript, isTypeScript, registerTsx } from './typeScript.js';

/** A run's task, as this worker calls it. */
export interface LoadedTask {
  /** Another function after `renew`. */
  readonly call: (value: unknown) => unknown;
  /** Given where a call can change what the next one would see of `args` and `kwargs`. */
  readonly shared?: SharedState | undefined;
  /** Returns an error that says more than a thrown one, where that is possible. */
  readonly explain: (error: unknown) => unknown;
  /** True if the task is known to return no arrays but literals. */
  readonly literalArrays: boolean;
}

/** The `args` and `kwargs` that the calls of a task share. */
export interface SharedState {
  /** Returns true if they are as they came. */
  isUnchanged(): boolean;
  /** Gives the next call fresh ones. */
  renew(): void;
}

const exportOf = (exports: unknown, name: string): unknown =>
  exports !== null && exports !== undefined && Object.hasOwn(exports, name)
    ? (exports as Record<string, unknown>)[name]
    : undefined;

async function importTask(url: string, name: string): Promise<Task> {
  let module: Record<string, unknown>;
  try {
    module = (await taskScope.import(url)) as Record<string, unknown>;
  } catch (error) {
    if (taskScope.hasTold(error)) throw error;
    const thrown = attempt(() => String(error), describeThrown(error));
    const typeScript = attempt(() => explainTypeScript(url, error), undefined);
    const why = `the module does not load (${thrown})${typeScript ? `: ${typeScript}` : ''}`;
    throw new TaskNotFoundError(url, name, why, error);
  }
  // A CommonJS module may have its exports on `default` alone; what those inherit are none.
  const found = exportOf(module, name) ?? exportOf(module.default, name);
  if (typeof found === 'function') return found as Task;
  const exports = Object.keys(module).join(', ');
  throw new TaskNotFoundError(
    url,
    name,
    found === undefined ? `the module exports ${exports || 'nothing'}` : `that export is a ${typeof found}`,
  );
}

/** Imports the functions that a message names. One that is not there is blamed on the values that hold it, later. */
export const importFunctions = (references: readonly ModuleReference[]): Promise<FoundFunction[]> =>
  Promise.all(
    references.map(({ url, name }) =>
      importTask(url, name).catch(
        (error: TaskNotFoundError | RunInWorkerError) =>
          new SerializationError(
            `the function ${name} of ${url}, which is not found there: ${'why' in error ? error.why : error.message}`,
          ),
      ),
    ),
  );

/** Decodes what all calls of the task share. */
function receive(
  what: 'args' | 'kwargs',
  value: unknown,
  tag: object,
  functions: readonly FoundFunction[],
): unknown {
  try {
    return decode(value, tag, functions);
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    throw new NotTransferableError({ index: undefined, input: undefined }, what, error.path, error.why);
  }
}

/**
 * Finds or makes the task of a definition, and binds it to the `args` and `kwargs` of the run.
 * @throws TaskNotFoundError, NotTransferableError, TypeError where it cannot
 */
export async function loadTask({ task, tag, ...shared }: RunDefinition): Promise<LoadedTask> {
  // It may import what lies beside the file that it was written in.
  if (task.kind === 'source' && isTypeScript(task.from)) await registerTsx(task.from);
  const run = task.kind === 'source' ? shippedFunction(task) : await importTask(task.url, task.name);
  const functions = await importFunctions(shared.functions);
  const args = receive('args', shared.args, tag, functions) as unknown[];
  const kwargs = receive('kwargs', shared.kwargs, tag, functions) as Record<string, unknown> | undefined;
  const given = new SharedArguments({ args, kwargs, spread: shared.spread }, 'worker');
  let bound = freshCall(run, given);
  const renew = () => {
    bound = freshCall(run, given);
  };
  return {
    get call() {
      return bound.call;
    },
    shared: given.canChange ? { isUnchanged: () => given.isUnchanged(bound.binding), renew } : undefined,
    explain: thrown => {
      dropOwnFrames(thrown);
      return task.kind === 'source' ? explainFailure(thrown, task) : thrown;
    },
    literalArrays: returnsLiteral(Function.prototype.toString.call(run)),
  };
}
