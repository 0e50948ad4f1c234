import { from, Observable, type Subscriber } from 'rxjs';
import { checkOptions, whole } from '../options/checkOptions.js';

/** Options of `sweep`. */
export interface SweepOptions {
  /** The number of values, for progress. Default: the iterable's `length` or `size` where it has one. */
  total?: number;
}

/** Inputs that can be pulled: an ordinary Observable, which parallel operators read only as fast as workers take it. */
export class Sweep<T> extends Observable<T> {
  constructor(
    /** The values, read on demand. */
    readonly values: Iterable<T> | AsyncIterable<T>,
    /** The number of values, where it is known. */
    readonly total: number | undefined,
  ) {
    super((subscriber: Subscriber<T>) => from(values).subscribe(subscriber));
  }
}

const isIterable = (value: unknown): boolean =>
  typeof value === 'string' ||
  (typeof value === 'object' &&
    value !== null &&
    (Symbol.iterator in value || Symbol.asyncIterator in value));

function knownLength(values: unknown): number | undefined {
  const { length, size } = Object(values) as { length?: unknown; size?: unknown };
  if (typeof values === 'string') return undefined;
  return typeof length === 'number' ? length : typeof size === 'number' ? size : undefined;
}

/**
 * Makes a sweep of anything that can be iterated; parallel operators pull it only as fast as workers take it.
 *
 * An Observable pushes and cannot be slowed: a generator behind `from` would be read to its end before the first result.
 * Behind any other operator a sweep pushes too, as `from` does. A generator object can be read once; an array, or an
 * object with `[Symbol.iterator]`, as often as there are subscribers.
 * @param values an iterable or async iterable
 * @param options `total`, where it is known and the iterable does not say it
 * @throws TypeError where `values` cannot be iterated
 * @example
 * function* seeds() { for (let i = 0; i < 1e9; i++) yield i; }
 * sweep(seeds(), { total: 1e9 }).pipe(parallelMap(simulate), take(1000)).subscribe(console.log);
 */
export function sweep<T>(values: Iterable<T> | AsyncIterable<T>, options?: SweepOptions): Sweep<T> {
  if (!isIterable(values))
    throw new TypeError(
      `sweep: the values must be iterable (an array, a generator, …), got ${values === null ? 'null' : typeof values}`,
    );
  const { total } = checkOptions<SweepOptions>('sweep', options, { total: whole(0) });
  return new Sweep(values, total ?? knownLength(values));
}
