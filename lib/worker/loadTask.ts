import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { attempt, describeThrown, NotTransferableError, TaskNotFoundError } from '../errors.js';
import type { RunDefinition } from '../protocol/messages.js';
import { decode } from '../serialization/decode.js';
import { SerializationError } from '../serialization/serializationError.js';
import { callTask } from '../task/callTask.js';
import { SharedArguments } from '../task/sharedArguments.js';
import type { Task } from '../task/task.js';
import { returnsLiteral } from './returnsLiteral.js';
import { explainFreeVariable, shippedFunction } from './shippedFunction.js';

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

let typeScript: Promise<void> | undefined;

/** Finds the module of tsx that registers it with `import`; a `require` from the task's module finds another one. */
function findTsx(url: string): URL | undefined {
  try {
    const manifest = createRequire(url).resolve('tsx/package.json');
    const api = JSON.parse(readFileSync(manifest, 'utf8')).exports['./esm/api'];
    return new URL(api.import?.default ?? api.import ?? api, pathToFileURL(manifest));
  } catch {
    return undefined;
  }
}

/** Lets this worker import `.ts` modules, by the tsx that is installed beside the task's module. */
async function loadTypeScript(url: string): Promise<void> {
  const api = findTsx(url);
  // Newer Node strips types by itself; an older one says that it does not know the extension.
  if (!api) return;
  const { register } = (await import(api.href)) as { register(): void };
  register();
}

const exportOf = (exports: unknown, name: string): unknown =>
  exports !== null && exports !== undefined && Object.hasOwn(exports, name)
    ? (exports as Record<string, unknown>)[name]
    : undefined;

async function importTask(url: string, name: string): Promise<Task> {
  let module: Record<string, unknown>;
  try {
    if (/\.[cm]?tsx?$/.test(new URL(url).pathname)) await (typeScript ??= loadTypeScript(url));
    module = (await import(url)) as Record<string, unknown>;
  } catch (error) {
    throw new TaskNotFoundError(
      url,
      name,
      `the module does not load (${attempt(() => String(error), describeThrown(error))})`,
      error,
    );
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

/** Decodes what all calls of the task share. */
function receive(what: 'args' | 'kwargs', value: unknown, tag: object): unknown {
  try {
    return decode(value, tag);
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
  const run =
    task.kind === 'source' ? shippedFunction(task.name, task.source) : await importTask(task.url, task.name);
  const args = receive('args', shared.args, tag) as unknown[];
  const kwargs = receive('kwargs', shared.kwargs, tag) as Record<string, unknown> | undefined;
  const given = new SharedArguments({ args, kwargs, spread: shared.spread }, 'worker');
  let current = given.fresh();
  let call = callTask(run, current);
  const renew = () => {
    current = given.fresh();
    call = callTask(run, current);
  };
  return {
    get call() {
      return call;
    },
    shared: given.canChange ? { isUnchanged: () => given.isUnchanged(current), renew } : undefined,
    explain: task.kind === 'source' ? explainFreeVariable : error => error,
    literalArrays: returnsLiteral(Function.prototype.toString.call(run)),
  };
}
