import { attempt } from '../errors.js';
import type { ModuleReference } from '../protocol/messages.js';
import type { SerializationError } from './serializationError.js';

/** Any function that was marked by `task()`. */
export type MarkedFunction = (...parameters: never[]) => unknown;

/** A function that was found by its reference, or the reason why a value that holds it cannot be put together. */
export type FoundFunction = MarkedFunction | SerializationError;

const mark = Symbol.for('rx-parfor.task');

interface Mark {
  readonly url: string;
  readonly name: string;
  readonly run: MarkedFunction;
}

// One registry for each thread, also where a bundler has put a second copy of this module into the program.
const key = Symbol.for('rx-parfor.functions');
const registry: Map<string, MarkedFunction> = ((globalThis as Record<symbol, unknown>)[key] ??=
  new Map()) as Map<string, MarkedFunction>;

const keyOf = (url: string, name: string): string => `${name} ${url}`;

/** Notes by which module and name others find a function. The last mark counts. */
export function markFunction(run: MarkedFunction, url: string, name: string): void {
  Object.defineProperty(run, mark, { value: { url, name, run }, configurable: true });
  registry.set(keyOf(url, name), run);
}

/** Returns how others find a function that was marked itself: one that wraps it may have its properties, and does more. */
export function markOf(run: object): ModuleReference | undefined {
  // A proxy answers as it likes, but for what its target has of its own.
  const own = attempt(() => Object.getOwnPropertyDescriptor(run, mark), undefined);
  const marked = own?.value as Mark | undefined;
  return marked?.run === run ? { kind: 'module', url: marked.url, name: marked.name } : undefined;
}

/** Returns the function that was marked so in this thread. */
export const markedFunction = ({ url, name }: ModuleReference): MarkedFunction | undefined =>
  registry.get(keyOf(url, name));
