interface Marked {
  /** True once any value was marked: until then nobody need look. */
  any: boolean;
  readonly values: WeakSet<object>;
}

// One set for each thread, also where a bundler has put a second copy of this module into the program.
const key = Symbol.for('rx-parfor.transfer');
const marked: Marked = ((globalThis as Record<symbol, unknown>)[key] ??= {
  any: false,
  values: new WeakSet(),
}) as Marked;

/** True if a value was marked by `transfer()`. */
export const isTransfer = (value: unknown): boolean =>
  marked.any && typeof value === 'object' && value !== null && marked.values.has(value);

/**
 * Marks a task's result, so that its typed arrays and ArrayBuffers are transferred to the caller and not copied.
 *
 * The task must not use them afterwards. A typed array that is a part of a larger buffer is copied all the same, and so
 * is everything between processes. Mark what the task returns, or a part of it. Where nothing crosses, it does nothing.
 * @param value what the task returns: a typed array, or anything with typed arrays inside
 * @returns the same value
 * @example
 * export const image = task(import.meta, 'image', (seed: number) => transfer(new Float32Array(4096 ** 2).fill(seed)));
 */
export function transfer<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    marked.any = true;
    marked.values.add(value);
  }
  return value;
}
