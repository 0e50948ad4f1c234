import type { TaskReference } from '../protocol/messages.js';
import { markFunction, markOf } from '../serialization/markedFunctions.js';

/** Any function that runs once per input. */
// biome-ignore lint/suspicious/noExplicitAny: parameters are contravariant; only `never` or `any` takes every function
export type Task = (...parameters: any[]) => unknown;

/** Any row; the empty tuple has an array literal inferred as a tuple. */
// biome-ignore lint/suspicious/noConfusingVoidType: what a task returns that returns nothing
export type AnyRow = NonNullable<unknown> | [] | null | undefined | void;

declare const unannotated: unique symbol;
/** A function whose type is not known before that of its parameters: no function can be assigned to it. */
interface Unannotated {
  (...parameters: Parameters<Task>): AnyRow | PromiseLike<AnyRow>;
  readonly [unannotated]: never;
}

// biome-ignore lint/complexity/noBannedTypes: it has no parameters that those of the argument could get their types from
type Untyped = Function;
type Callable<F> = Untyped extends F ? F : F extends Task ? F : Task;

type Meta = { readonly url: string | URL };

/**
 * Marks a function of a module as a task, so that a worker imports the module and calls its own.
 *
 * Closures, imports and set-up at module level all work then. The function stays what it was: call it, test it, import
 * it elsewhere, or pass it to another task, within an input, `args` or `kwargs`: a worker imports that one as well. It must be exported under the given name. `.ts` modules work where `tsx` is installed.
 * @param meta `import.meta` of the module, or anything with its `url`
 * @param name the name of the export
 * @param run the function
 * @returns the same function
 * @throws TypeError where an argument is not of that kind
 * @example
 * export const energy = task(import.meta, 'energy', (x: number, { k = 1 } = {}) => (k * x * x) / 2);
 * @see Python's multiprocessing, which imports a function by its module and name
 */
export function task<F extends Task = Unannotated>(meta: Meta, name: string, run: F): F;
// Parameters without a type have none here either, instead of `any`: their defaults count, or the compiler complains.
export function task<F extends Untyped = Untyped>(meta: Meta, name: string, run: Callable<F>): F;
export function task<F extends Task>(meta: Meta, name: string, run: F): F {
  const url = meta?.url instanceof URL ? meta.url.href : meta?.url;
  if (typeof url !== 'string' || url === '')
    throw new TypeError('task: the first argument must be `import.meta`, or have the `url` of the module');
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`task: the second argument must be the name of the export, got ${typeof name}`);
  if (typeof run !== 'function')
    throw new TypeError(`task: the third argument must be a function, got ${typeof run}`);
  markFunction(run, url, name);
  return run;
}

/** Stands before the source of a function that is not in strict mode, so that it is not made again in it. */
export const sloppyMark = '/* sloppy */ ';

/** True for a function of a script without 'use strict'; of arrow functions nothing tells. */
const isSloppy = (run: Task): boolean => Object.hasOwn(run, 'caller');

/**
 * Returns the way in which a worker finds the task: its module, or its source.
 * @throws TypeError for a function that has no source to ship
 */
export function taskReference(run: Task): TaskReference {
  const marked = markOf(run);
  if (marked) return marked;
  const source = Function.prototype.toString.call(run);
  const name = run.name || 'anonymous';
  if (/^class\b(?!\s*\()/.test(source))
    throw new TypeError(
      `the task is the class ${name}; pass x => new ${name}(x) of a module, marked with task()`,
    );
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source))
    throw new TypeError(
      `the task ${name} is built in or bound and has no source to ship; wrap it (x => Math.sqrt(x)), or mark a function of a module with task()`,
    );
  const properties = Object.keys(run);
  if (properties.length > 0)
    throw new TypeError(
      `the task ${name} has properties of its own (${properties.slice(0, 4).join(', ')}), which do not go with its source; pass them through \`kwargs\`, or mark a function of a module with task()`,
    );
  return { kind: 'source', name, source: isSloppy(run) ? sloppyMark + source : source };
}
