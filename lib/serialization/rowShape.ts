// The shapes of rows that go into columns: asked for each row, so that they are told apart by as little as proves them.

import { isDisguised } from './encodedValues.js';
import { isTransfer } from './transfer.js';

/** Wider rows are sent whole: a column for each place would cost more than it saves (`bench/constants.ts`). */
const MAX_COLUMNS = 64;

/** True for an array of exactly its items: no holes, no further properties, no subclass, and not marked by `transfer()`. */
export function isTuple(row: unknown): row is unknown[] {
  if (!Array.isArray(row) || row.length > MAX_COLUMNS) return false;
  if (Object.getPrototypeOf(row) !== Array.prototype || isTransfer(row)) return false;
  const keys = Object.keys(row);
  // Indices come first: where the last key is the last index, a further property cannot make up for a hole.
  return keys.length === row.length && (row.length === 0 || keys[row.length - 1] === String(row.length - 1));
}

/** Returns the keys of an object that is nothing but its enumerable properties, or `undefined`. */
export function recordKeys(row: unknown): readonly string[] | undefined {
  if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
    return undefined;
  if (isTransfer(row)) return undefined;
  const keys = Object.keys(row);
  if (keys.length === 0 || keys.length > MAX_COLUMNS || isDisguised(row, Object.prototype)) return undefined;
  // Of such a name a property is not simply set.
  return keys.some(key => key in Object.prototype) ? undefined : keys;
}

/** True for an object of exactly these keys, in this order. */
export function hasKeys(row: unknown, keys: readonly string[]): row is Record<string, unknown> {
  if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
    return false;
  if (isTransfer(row)) return false;
  let i = 0;
  for (const key in row) if (key !== keys[i++]) return false;
  return i === keys.length;
}
