import { attempt, isInstance } from '../errors.js';
import { sloppyMark, type Task } from '../task/task.js';

/** Stands for the `__name` that compilers call in functions; it does nothing that a worker would miss. */
const setName = (target: unknown) => target;

/** Stands for the counters that Istanbul puts into functions: any property of it can be read, called and counted up. */
const counters: unknown = new Proxy(() => counters, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : counters),
  set: () => true,
});

/** The most functions that are kept for later runs. */
const MAX_KEPT = 32;

const kept = new Map<string, Task>();

/**
 * Makes a function of the source that `toString` gave for it: of arrows, functions and methods.
 *
 * Returns the same one for the same source: what the engine has compiled for one run serves the next, which would begin
 * slowly in each worker otherwise (`bench/grain.ts`).
 * @throws TypeError where that is not possible
 */
export function shippedFunction(name: string, source: string): Task {
  let task = kept.get(source);
  task ??= make(name, source);
  // The one that was used last goes last.
  kept.delete(source);
  kept.set(source, task);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value as string);
  return task;
}

function make(name: string, source: string): Task {
  const names = ['__name', ...new Set(source.match(/\bcov_\w+(?=\(\)\.[sfb]\[)/g))];
  const values = names.map(name => (name === '__name' ? setName : () => counters));
  const mode = source.startsWith(sloppyMark) ? '' : '"use strict"; ';
  const compile = (body: string) => new Function(...names, `${mode}return ${body}`)(...values) as unknown;
  let made: unknown;
  try {
    made = compile(`(${source}\n)`);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    // A method is written without `function`: it stands as one of an object.
    try {
      [made] = Object.values(compile(`({ ${source}\n })`) as object);
      // A getter is written like one, and has been called by now.
      if (typeof made !== 'function') throw error;
    } catch {
      throw new TypeError(
        `the task ${name} cannot be made again from its source; mark a function of a module with task()`,
        {
          cause: error,
        },
      );
    }
  }
  return made as Task;
}

/** Returns the variable that a thrown value says is not defined. */
function freeVariable(error: unknown): string | undefined {
  if (!isInstance(error, ReferenceError)) return undefined;
  return attempt(() => /^(\S+) is not defined$/.exec(error.message)?.[1], undefined);
}

/** Returns a `ReferenceError` that says what to do about one of a shipped function, and anything else as it is. */
export function explainFreeVariable(error: unknown): unknown {
  const variable = freeVariable(error);
  if (variable === undefined) return error;
  const helper = /^__(awaiter|generator|rest|spreadArray|assign|values|read)$/.test(variable);
  const remedy =
    variable === 'require'
      ? "Use `await import('…')` inside the task"
      : helper
        ? 'It comes from a compiler with an old target: compile for ES2018 or later'
        : `Pass ${variable} through \`args\` or \`kwargs\``;
  const explained = new ReferenceError(
    `${variable} is not defined where the task runs: a plain function is shipped to a worker as its source, without the variables around it. ${remedy}, or export the task from a module with task(import.meta, …), or run it on inline().`,
    { cause: error },
  );
  const frames = attempt(() => String((error as Error).stack), '')
    .split('\n    at ')
    .slice(1);
  explained.stack = [`${explained.name}: ${explained.message}`, ...frames].join('\n    at ');
  return explained;
}
