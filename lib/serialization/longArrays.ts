import { inspect, types } from 'node:util';
import { isObjectLike } from './encodedValues.js';

/** Larger arrays of single values are taken at once: to list their keys would cost more (`bench/constants.ts`). */
export const MAX_LISTED_LENGTH = 64;

/** Returns what `inspect` shows of an array of this length with no further properties, none of the items shown. */
const bareArray = (length: number): string => `[ ... ${length} more item${length === 1 ? '' : 's'} ]`;

/**
 * True if an array has no properties but its items.
 *
 * `Object.keys` would make a string for each index. `inspect` asks V8 for the others alone; if it shows anything else,
 * in another version say, the array counts as one that has some.
 */
export const isBareArray = (value: readonly unknown[]): boolean =>
  !types.isProxy(value) &&
  inspect(value, {
    maxArrayLength: 0,
    depth: 0,
    customInspect: false,
    getters: false,
    breakLength: Infinity,
  }) === bareArray(value.length);

/** The places of a long array that are looked at for holes. */
const PROBES = 16;

/** True if an array has items all over: to go through the holes of a sparse one could take for ever. */
export function isDense(value: readonly unknown[]): boolean {
  const step = (value.length - 1) / (PROBES - 1);
  for (let i = 0; i < PROBES; i++) if (!(Math.floor(i * step) in value)) return false;
  return true;
}

/** True if an array is long and a slice of it is a copy: a slice keeps the holes, and nothing else but the items. */
export const isCopiedBySlice = (value: readonly unknown[]): boolean =>
  value.length > MAX_LISTED_LENGTH &&
  isDense(value) &&
  isBareArray(value) &&
  value.every(item => !isObjectLike(item));
