const key = Symbol.for('rx-parfor.transfer');

/** A result whose memory is to be moved. */
export class Transfer {
  declare readonly [key]: true;
  constructor(readonly value: unknown) {}
  static {
    Object.defineProperty(Transfer.prototype, key, { value: true });
  }
}

/** Whether a value was marked by `transfer()`, also by another copy of this module. */
export const isTransfer = (value: object): value is Transfer => key in value;

/**
 * Marks a task's result, so that its typed arrays and ArrayBuffers are moved to the caller and not copied.
 *
 * The task must not use them afterwards. A typed array that is a part of a larger buffer is copied all the same, and so
 * is everything between processes. Wrap what the task returns, or a part of it; the caller gets it without the wrapping.
 * @param value what the task returns: a typed array, or anything with typed arrays inside
 * @example
 * export const image = task(import.meta, 'image', (seed: number) => transfer(new Float32Array(4096 ** 2).fill(seed)));
 */
export function transfer<T>(value: T): T {
  return new Transfer(value) as T;
}
