import process from 'node:process';
import { constants, Script } from 'node:vm';
import { LINES_BEFORE, shippedScript, sloppyMark } from '../protocol/shippedScript.js';
import type { Task } from '../task/task.js';
import { trapOf } from './trapOf.js';

/** Stands for the `__name` that compilers call in functions; it does nothing that a worker would miss. */
const setName = (target: unknown) => target;

/** Stands for the counters that Istanbul puts into functions: any property of it can be read, called and counted up. */
const counters: unknown = new Proxy(() => counters, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : counters),
  set: () => true,
});

/** Finds modules from the file that a script is said to be of; `undefined` where the runtime is not Node. */
const loader = (constants as typeof constants | undefined)?.USE_MAIN_CONTEXT_DEFAULT_LOADER;

/** The most functions that are kept for later runs. */
const MAX_KEPT = 32;

const kept = new Map<string, Task>();

/** A function as it was shipped. */
export interface Shipped {
  readonly name: string;
  /** The text that `toString` gave for it: of an arrow, a function or a method. */
  readonly source: string;
  /** The file from which its `import()` finds modules. Default: this one. */
  readonly from?: string | undefined;
}

/**
 * Makes a function of its source.
 *
 * Returns the same one for the same source: what the engine has compiled for one run serves the next, which would begin
 * slowly in each worker otherwise (`bench/grain.ts`).
 * @throws TypeError where that is not possible
 */
export function shippedFunction(shipped: Shipped): Task {
  const key = `${shipped.from ?? ''} ${shipped.source}`;
  const task = kept.get(key) ?? make(shipped);
  // The one that was used last goes last.
  kept.delete(key);
  kept.set(key, task);
  if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value as string);
  return task;
}

function make({ name, source: shipped, from }: Shipped): Task {
  const isSloppy = shipped.startsWith(sloppyMark);
  const source = isSloppy ? shipped.slice(sloppyMark.length) : shipped;
  const names = ['__name', ...new Set(source.match(/\bcov_\w+(?=\(\)\.[sfb]\[)/g))];
  const values: unknown[] = names.map(name => (name === '__name' ? setName : () => counters));
  const mode = isSloppy ? '' : '"use strict"; ';
  // An arrow function has the `this` of the place where it was written, and a method the object that it stands in.
  const lostThis = trapOf(name, '`this`');
  const lostSuper = trapOf(name, '`super`');
  const compile = (parameters: readonly string[], expression: string) =>
    compiled(parameters, `${mode}return ${expression}`, from);
  const faults: unknown[] = [];
  for (const form of [
    () => compile(names, `(\n${source}\n)`).apply(lostThis, values),
    // A method is written without `function`: it stands as one of an object.
    () => {
      const parameters = [...names, '__super'];
      const holder = compile(parameters, `({ __proto__: __super,\n${source}\n})`);
      return Object.values(holder.apply(lostThis, [...values, lostSuper]) as object)[0];
    },
  ])
    try {
      const made = form();
      // A getter is written like a method, and has been called by now.
      if (typeof made === 'function') return made as Task;
    } catch (error) {
      faults.push(error);
      if (!(error instanceof SyntaxError)) break;
    }
  throw unmakeable(name, faults);
}

/** Compiles the body of a function, whose first line is followed by the source. */
function compiled(parameters: readonly string[], body: string, from: string | undefined): Task {
  const named = `${body}\n//# sourceURL=${shippedScript}`;
  // `Function` puts two lines before the body.
  if (from === undefined || loader === undefined) return new Function(...parameters, named) as Task;
  const text = `${'\n'.repeat(LINES_BEFORE - 1)}(function (${parameters.join()}) { ${body}\n})\n//# sourceURL=${shippedScript}`;
  const script = new Script(text, { filename: from, importModuleDynamically: loader });
  hushLoader();
  return script.runInThisContext() as Task;
}

let isHushed = false;

/**
 * Has Node say unheard what it says at the first `import()` by this loader: that it is experimental, about which nobody
 * here can do anything.
 */
function hushLoader(): void {
  if (isHushed) return;
  isHushed = true;
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    const first = new Script("import('node:process')", { importModuleDynamically: loader });
    (first.runInThisContext() as Promise<unknown>).catch(() => undefined);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Makes the error of a source that cannot be compiled. */
function unmakeable(name: string, faults: readonly unknown[]): TypeError {
  const texts = faults.map(String).join();
  const member = /Private field '(#[^']+)'/.exec(texts)?.[1];
  const remedy = member
    ? `${member} is a private member, which only the text of its class can name: pass what it holds through \`args\` or \`kwargs\`, or`
    : /import\.meta/.test(texts)
      ? '`import.meta` is that of its module, which does not go with it: pass what it needs of that through `args` or `kwargs`, or'
      : /'super' keyword/.test(texts)
        ? '`super` is that of the object around it, which does not go with it: pass what it needs through `args` or `kwargs`, or'
        : '';
  return Object.defineProperty(
    new TypeError(
      `the task ${name} cannot be made again from its source; ${remedy ? `${remedy} ` : ''}mark a function of a module with task()`,
      { cause: faults[0] },
    ),
    'code',
    { value: 'RX_PARFOR_INVALID_TASK', configurable: true, enumerable: true },
  );
}
