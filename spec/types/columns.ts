// Checked by the compiler alone: nothing here is run.
import { expectTypeOf } from 'expect-type';
import { from, type Observable, type OperatorFunction, of, range, zip } from 'rxjs';
import { type Column, type Columns, parallelMap, parfor, toColumns } from '../../index.js';

const numbers = range(0, 3);

// Tuples: an array of columns. Numbers are a Float64Array, all else a plain array.
expectTypeOf(numbers.pipe(parfor(x => [x, x ** 2, x ** 3]))).toEqualTypeOf<
  Observable<[Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>]>
>();
expectTypeOf(numbers.pipe(parfor(async x => [x, `${x}`, x > 1]))).toEqualTypeOf<
  Observable<[Float64Array<ArrayBuffer>, string[], boolean[]]>
>();
numbers.pipe(parfor(x => [x, `${x}`])).subscribe(([xs, names]) => {
  expectTypeOf(xs).toEqualTypeOf<Float64Array<ArrayBuffer>>();
  expectTypeOf(names).toEqualTypeOf<string[]>();
});
// A tuple of any length: columns of any length.
expectTypeOf(numbers.pipe(parfor(x => Array.from({ length: 2 }, () => x)))).toEqualTypeOf<
  Observable<Float64Array<ArrayBuffer>[]>
>();
const sumDiff = (x: number, y: number, { z = 0 }) => [x + y, x - y, z];
zip([1, 2, 3], [4, 5, 6])
  .pipe(parfor(sumDiff, { spread: true, kwargs: { z: 5 } }))
  .subscribe(columns => expectTypeOf(columns).toEqualTypeOf<Float64Array<ArrayBuffer>[]>());

// Records: an object of columns.
numbers.pipe(parfor(x => ({ x, name: `${x}` }))).subscribe(({ x, name }) => {
  expectTypeOf(x).toEqualTypeOf<Float64Array<ArrayBuffer>>();
  expectTypeOf(name).toEqualTypeOf<string[]>();
});
interface Peak {
  readonly frequency: number;
  readonly label?: string;
}
expectTypeOf<Columns<Peak>>().toEqualTypeOf<{
  frequency: Float64Array<ArrayBuffer>;
  label?: (string | undefined)[];
}>();

// Anything else: one column.
expectTypeOf(numbers.pipe(parfor(x => x))).toEqualTypeOf<Observable<Float64Array<ArrayBuffer>>>();
expectTypeOf(numbers.pipe(parfor(x => `${x}`))).toEqualTypeOf<Observable<string[]>>();
expectTypeOf(numbers.pipe(parfor(x => BigInt(x)))).toEqualTypeOf<Observable<bigint[]>>();
expectTypeOf(numbers.pipe(parfor(x => x > 1))).toEqualTypeOf<Observable<boolean[]>>();
expectTypeOf(numbers.pipe(parfor(x => new Date(x)))).toEqualTypeOf<Observable<Date[]>>();
expectTypeOf(numbers.pipe(parfor(x => (x > 1 ? null : undefined)))).toEqualTypeOf<
  Observable<(null | undefined)[]>
>();

// Instances of a class are single values.
class Qobj {
  constructor(readonly data: number[]) {}
  tr(): number {
    return this.data.length;
  }
}
expectTypeOf(numbers.pipe(parfor(x => new Qobj([x])))).toEqualTypeOf<Observable<Qobj[]>>();

expectTypeOf(numbers.pipe(parfor(x => ({ x, q: new Qobj([x]) })))).toEqualTypeOf<
  Observable<{ x: Float64Array<ArrayBuffer>; q: Qobj[] }>
>();

// A wrapper does not know the row.
const reduced = <T, R>(task: (x: T) => R): OperatorFunction<T, Columns<R>> => parfor(task);
expectTypeOf(numbers.pipe(reduced(x => x))).toEqualTypeOf<Observable<Float64Array<ArrayBuffer>>>();

// Numbers or something else: only the values decide.
expectTypeOf<Column<number | null>>().toEqualTypeOf<Float64Array<ArrayBuffer> | (number | null)[]>();
expectTypeOf<Column<never>>().toEqualTypeOf<Float64Array<ArrayBuffer>>();
// biome-ignore lint/suspicious/noExplicitAny: that is what is tested
expectTypeOf<Columns<any>>().toBeAny();

// toColumns, behind any rows.
expectTypeOf(from([[1, 'a']] as [number, string][]).pipe(toColumns())).toEqualTypeOf<
  Observable<[Float64Array<ArrayBuffer>, string[]]>
>();
expectTypeOf(of({ x: 1 }).pipe(toColumns())).toEqualTypeOf<Observable<{ x: Float64Array<ArrayBuffer> }>>();
expectTypeOf(numbers.pipe(toColumns())).toEqualTypeOf<Observable<Float64Array<ArrayBuffer>>>();
expectTypeOf(
  numbers.pipe(
    parallelMap(x => [x, `${x}`]),
    toColumns(),
  ),
).toEqualTypeOf<Observable<[Float64Array<ArrayBuffer>, string[]]>>();

type Numbers = Float64Array<ArrayBuffer>;
// @ts-expect-error a column of strings is no Float64Array
numbers.pipe(parfor(x => [x, `${x}`])).subscribe(([, names]: [Numbers, Numbers]) => names);
// @ts-expect-error there is no such column
numbers.pipe(parfor(x => ({ x }))).subscribe(({ y }) => y);
// @ts-expect-error there is no third column
numbers.pipe(parfor(x => [x, x])).subscribe(([, , third]) => third);
// @ts-expect-error the task takes strings
numbers.pipe(parfor((x: string) => x));
// @ts-expect-error there is no such option
numbers.pipe(parfor(x => x, { parallel: true }));
// @ts-expect-error spread needs tuples
numbers.pipe(parfor((x: number) => x, { spread: true }));
// @ts-expect-error toColumns has no options
numbers.pipe(toColumns({ ordered: true }));
