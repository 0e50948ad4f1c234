import type { ModuleReference } from '../protocol/messages.js';
import type { SerializationError } from './serializationError.js';

/** Any function that was marked by `task()`. */
export type MarkedFunction = (...parameters: never[]) => unknown;

/** A function that was found by its reference, or the reason why a value that holds it cannot be put together. */
export type FoundFunction = MarkedFunction | SerializationError;

const mark = Symbol.for('rx-parfor.task');

// One registry for each thread, also where a bundler has put a second copy of this module into the program.
const key = Symbol.for('rx-parfor.functions');
const registry: Map<string, MarkedFunction> = ((globalThis as Record<symbol, unknown>)[key] ??=
  new Map()) as Map<string, MarkedFunction>;

const keyOf = (url: string, name: string): string => `${name} ${url}`;

/** Notes by which module and name others find a function. The last mark counts. */
export function markFunction(run: MarkedFunction, url: string, name: string): void {
  Object.defineProperty(run, mark, { value: { url, name }, configurable: true });
  registry.set(keyOf(url, name), run);
}

/** Returns how others find a function that was marked. */
export function markOf(run: object): ModuleReference | undefined {
  const marked = (run as { [mark]?: { readonly url: string; readonly name: string } })[mark];
  return marked && { kind: 'module', url: marked.url, name: marked.name };
}

/** Returns the function that was marked so in this thread. */
export const markedFunction = ({ url, name }: ModuleReference): MarkedFunction | undefined =>
  registry.get(keyOf(url, name));
