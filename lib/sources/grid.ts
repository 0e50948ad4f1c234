import { Sweep } from './sweep.js';

type Axis<T = unknown> = Iterable<T>;

/** One point of a grid over a list of axes: a tuple, for `spread`. */
export type GridTuple<Axes extends readonly Axis[]> = {
  -readonly [K in keyof Axes]: Axes[K] extends Axis<infer T> ? T : never;
};

/** One point of a grid over named axes: a record. */
export type GridRecord<Axes extends Readonly<Record<string, Axis>>> = {
  -readonly [K in keyof Axes]: Axes[K] extends Axis<infer T> ? T : never;
};

/**
 * Makes a sweep of every combination of the axes' values, the last axis fastest.
 *
 * Axes given one by one make tuples, for `spread: true`; an object of axes makes records. Each axis is read once, when
 * the grid is made; the combinations are made as they are taken.
 * @param axes iterables of values, or one object of them
 * @throws TypeError where an axis cannot be iterated
 * @example
 * grid([1, 2], ['a', 'b']).subscribe(point => console.log(point)); // [1, 'a'] [1, 'b'] [2, 'a'] [2, 'b']
 * grid({ x: [1, 2], y: [3] }).subscribe(point => console.log(point)); // { x: 1, y: 3 } { x: 2, y: 3 }
 * @see Python's itertools.product; scikit-learn's ParameterGrid
 */
export function grid<Axes extends Readonly<Record<string, Axis>>>(axes: Axes): Sweep<GridRecord<Axes>>;
export function grid<Axes extends readonly Axis[]>(...axes: Axes): Sweep<GridTuple<Axes>>;
export function grid(...axes: unknown[]): Sweep<unknown> {
  const [first] = axes;
  const named =
    axes.length === 1 && typeof first === 'object' && first !== null && !(Symbol.iterator in first)
      ? (first as Record<string, unknown>)
      : undefined;
  const names = named && Object.keys(named);
  const columns = (named ? Object.entries(named) : axes.map((axis, i) => [i, axis] as const)).map(
    ([name, axis]) => {
      if (typeof axis !== 'object' || axis === null || !(Symbol.iterator in axis))
        throw new TypeError(
          `grid: the axis ${name} must be iterable, got ${axis === null ? 'null' : typeof axis}`,
        );
      return [...(axis as Axis)];
    },
  );
  const total = columns.length === 0 ? 0 : columns.reduce((product, column) => product * column.length, 1);
  const values: Iterable<unknown> = {
    *[Symbol.iterator]() {
      for (let n = 0; n < total; n++) {
        const point: unknown[] = new Array(columns.length);
        let rest = n;
        for (let i = columns.length - 1; i >= 0; i--) {
          const column = columns[i] as unknown[];
          point[i] = column[rest % column.length];
          rest = Math.floor(rest / column.length);
        }
        yield names ? Object.fromEntries(names.map((name, i) => [name, point[i]])) : point;
      }
    },
  };
  const areSingle = columns.every(column => column.every(value => Object(value) !== value));
  return new Sweep(values, total, areSingle);
}
