import { from, Observable, type Subscriber } from 'rxjs';
import { checkOptions, whole } from '../runtime/checkOptions.js';

/** Options of `sweep`. */
export interface SweepOptions {
  /** The number of values, for progress. Default: the iterable's `length` or `size` where it has one. */
  total?: number;
}

/** Values that are read one after another, at once or by and by. */
type Values<T> = Iterable<T> | AsyncIterable<T>;

/** Inputs that can be pulled: an ordinary Observable, which parallel operators read only as fast as workers take it. */
export class Sweep<T> extends Observable<T> implements Iterable<T> {
  /** The values, read on demand. */
  readonly values: Values<T>;

  constructor(
    values: Values<T>,
    /** The number of values, where it is known. */
    readonly total: number | undefined,
    /** True if nobody else has a value that was taken, or any part of it that can change. */
    readonly isFresh = false,
  ) {
    super((subscriber: Subscriber<T>) => from(this.values).subscribe(subscriber));
    this.values = unlessSpent(values);
  }

  /**
   * Iterates over the values: `[...linspace(0, 1, 3)]`, or an axis of `grid`.
   * @throws TypeError where the values come by and by
   */
  [Symbol.iterator](): Iterator<T> {
    if (isAsync(this.values))
      throw new TypeError('this sweep is of an async iterable; iterate over that with `for await`');
    return this.values[Symbol.iterator]();
  }

  /**
   * Makes a sweep of what `project` makes of each value as it is taken; it pulls, where RxJS's `map` would push.
   * @example
   * linspace(-3, 3, 7).map(exponent => 10 ** exponent).pipe(parallelMap(simulate));
   */
  map<R>(project: (value: T, index: number) => R): Sweep<R> {
    const { values } = this;
    const mapped: Values<R> = isAsync(values)
      ? {
          async *[Symbol.asyncIterator]() {
            let index = 0;
            for await (const value of values) yield project(value, index++);
          },
        }
      : {
          *[Symbol.iterator]() {
            let index = 0;
            for (const value of values) yield project(value, index++);
          },
        };
    return new Sweep(mapped, this.total);
  }

  /**
   * Makes a sweep of the values for which `predicate` holds; it pulls, where RxJS's `filter` would push. The total is not
   * known then.
   * @example
   * grid({ a: angles, b: angles }).filter(({ a, b }) => a <= b).pipe(parallelMap(measure));
   */
  filter(predicate: (value: T, index: number) => boolean): Sweep<T> {
    const { values } = this;
    const filtered: Values<T> = isAsync(values)
      ? {
          async *[Symbol.asyncIterator]() {
            let index = 0;
            for await (const value of values) if (predicate(value, index++)) yield value;
          },
        }
      : {
          *[Symbol.iterator]() {
            let index = 0;
            for (const value of values) if (predicate(value, index++)) yield value;
          },
        };
    return new Sweep(filtered, undefined);
  }

  /**
   * Makes a sweep of these values and then of those of the others.
   * @param others sweeps, or what `sweep` takes
   * @example
   * linspace(0, 1, 11).concat(linspace(1.5, 5, 8)); // fine steps first, then coarse ones
   */
  concat(...others: readonly (Sweep<T> | Values<T>)[]): Sweep<T> {
    const sweeps = [this, ...others.map(other => (other instanceof Sweep ? other : sweep(other)))];
    const parts = sweeps.map(({ values }) => values);
    const all: Values<T> = parts.some(isAsync)
      ? {
          async *[Symbol.asyncIterator]() {
            for (const values of parts) yield* values;
          },
        }
      : {
          *[Symbol.iterator]() {
            for (const values of parts) yield* values as Iterable<T>;
          },
        };
    const totals = sweeps.map(({ total }) => total);
    const isKnown = (total: number | undefined): total is number => total !== undefined;
    return new Sweep(all, totals.every(isKnown) ? totals.reduce((sum, total) => sum + total, 0) : undefined);
  }
}

const isAsync = <T>(values: Values<T>): values is AsyncIterable<T> =>
  typeof values === 'object' && Symbol.asyncIterator in values;

/** Returns true if values can be read once only: a generator object is its own iterator, and a stream flows by. */
const isReadOnce = (values: unknown, iterator: unknown): boolean => {
  const { pipe, getReader } = Object(values) as { pipe?: unknown; getReader?: unknown };
  return iterator === values || typeof pipe === 'function' || typeof getReader === 'function';
};

/** Returns the values, so that those which have been read and cannot begin anew are an error instead of a remainder. */
function unlessSpent<T>(values: Values<T>): Values<T> {
  let spent = false;
  const begin = <I>(open: () => I): I => {
    if (spent)
      throw new TypeError(
        'the values of this sweep have been read already and cannot begin anew; pass an iterable that makes an iterator each time, such as an array or `sweep({ [Symbol.iterator]: points })` of a generator function',
      );
    const iterator = open();
    spent = isReadOnce(values, iterator);
    return iterator;
  };
  return isAsync(values)
    ? { [Symbol.asyncIterator]: () => begin(() => values[Symbol.asyncIterator]()) }
    : { [Symbol.iterator]: () => begin(() => values[Symbol.iterator]()) };
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
 * Behind any other operator a sweep pushes too, as `from` does; its own `map`, `filter` and `concat` still pull. An array,
 * or an object with `[Symbol.iterator]`, is read anew for each subscriber; a generator object or a stream can be read
 * once, and the second subscription is an error.
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
