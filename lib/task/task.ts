import { markFunction } from '../serialization/markedFunctions.js';

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
  // A Windows path would pass for a URL.
  if (!URL.canParse(url) || /^[a-z]:/i.test(url))
    throw new TypeError(
      `task: the \`url\` of the module must be a URL, got ${JSON.stringify(url)}; of a path make one with pathToFileURL(path) of node:url, of a relative one with new URL(path, import.meta.url)`,
    );
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`task: the second argument must be the name of the export, got ${typeof name}`);
  if (typeof run !== 'function')
    throw new TypeError(`task: the third argument must be a function, got ${typeof run}`);
  markFunction(run, url, name);
  return run;
}
