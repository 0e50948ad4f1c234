import { Sweep } from './sweep.js';

/**
 * Makes a sweep of `count` evenly spaced numbers from `start` to `stop`, both included.
 *
 * The last one is exactly `stop`. One value is `start`, none for a count of 0.
 * @param start the first number
 * @param stop the last number
 * @param count how many; a whole number from 0
 * @throws TypeError, RangeError where an argument is not a number, or `count` not a whole one
 * @example
 * linspace(0, 1, 5).subscribe(x => console.log(x)); // 0 0.25 0.5 0.75 1
 * @see NumPy's linspace
 */
export function linspace(start: number, stop: number, count: number): Sweep<number> {
  for (const [name, value] of Object.entries({ start, stop }))
    if (typeof value !== 'number')
      throw new TypeError(`linspace: \`${name}\` must be a number, got ${typeof value}`);
  if (!Number.isInteger(count) || count < 0)
    throw new RangeError(`linspace: \`count\` must be a whole number from 0, got ${count}`);
  const values: Iterable<number> = {
    *[Symbol.iterator]() {
      const last = count - 1;
      for (let i = 0; i < count; i++)
        yield i === last && i > 0 ? stop : start + ((stop - start) * i) / (last || 1);
    },
  };
  return new Sweep(values, count);
}
