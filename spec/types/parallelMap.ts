// Checked by the compiler alone: nothing here is run.
import { expectTypeOf } from 'expect-type';
import { from, type Observable, type OperatorFunction, of, range, zip } from 'rxjs';
import { inline, type MapOptions, parallelMap, serialMap, type Task } from '../../index.js';

const numbers = range(0, 3);
const letters = from(['a', 'b']);

// The input comes from the pipe, the row from the task.
expectTypeOf(numbers.pipe(parallelMap(x => x + 1))).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap(x => `${x}`))).toEqualTypeOf<Observable<string>>();
expectTypeOf(letters.pipe(parallelMap(x => x.length))).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap(x => ({ x, text: `${x}` })))).toEqualTypeOf<
  Observable<{ x: number; text: string }>
>();
expectTypeOf(numbers.pipe(parallelMap(x => new Date(x)))).toEqualTypeOf<Observable<Date>>();

// A literal is of its general type; an array literal is a tuple.
expectTypeOf(numbers.pipe(parallelMap(() => 'one'))).toEqualTypeOf<Observable<string>>();
expectTypeOf(numbers.pipe(parallelMap(() => true))).toEqualTypeOf<Observable<boolean>>();
expectTypeOf(numbers.pipe(parallelMap(x => [x, `${x}`]))).toEqualTypeOf<Observable<[number, string]>>();
expectTypeOf(numbers.pipe(parallelMap(x => Array.from({ length: x }, () => x)))).toEqualTypeOf<
  Observable<number[]>
>();

// Async tasks: what is awaited.
expectTypeOf(numbers.pipe(parallelMap(async x => x))).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap(async x => [x, 'b']))).toEqualTypeOf<Observable<[number, string]>>();
expectTypeOf(numbers.pipe(parallelMap(async x => ({ x })))).toEqualTypeOf<Observable<{ x: number }>>();
const sometimes = (x: number): Promise<Date> | Date => new Date(x);
expectTypeOf(numbers.pipe(parallelMap(sometimes))).toEqualTypeOf<Observable<Date>>();

// Unions, and rows that say nothing.
expectTypeOf(numbers.pipe(parallelMap(x => (x > 0 ? x : null)))).toEqualTypeOf<Observable<number | null>>();
expectTypeOf(numbers.pipe(parallelMap(x => (x > 0 ? x : undefined)))).toEqualTypeOf<
  Observable<number | undefined>
>();
expectTypeOf(numbers.pipe(parallelMap(x => void x))).toEqualTypeOf<Observable<undefined>>();
expectTypeOf(numbers.pipe(parallelMap(x => x as unknown))).toEqualTypeOf<Observable<unknown>>();
// biome-ignore lint/suspicious/noExplicitAny: that is what is tested
expectTypeOf(numbers.pipe(parallelMap(x => x as any))).toEqualTypeOf<Observable<any>>();
const failing = (x: number) => {
  if (x > 1) throw new RangeError('one');
  return x;
};
expectTypeOf(numbers.pipe(parallelMap(failing))).toEqualTypeOf<Observable<number>>();
const never = (): never => {
  throw new Error();
};
expectTypeOf(numbers.pipe(parallelMap(never))).toEqualTypeOf<Observable<never>>();

// On its own, an operator takes what its task takes.
expectTypeOf(parallelMap((x: number) => `${x}`)).toEqualTypeOf<OperatorFunction<number, string>>();
// A generic task: the input is known, and so is the row.
const same = <T>(value: T): T => value;
expectTypeOf(letters.pipe(parallelMap(same))).toEqualTypeOf<Observable<string>>();
// A task that takes more than it is given, as long as that is optional.
const optional = (x: number, { z = 0 }: { z?: number } = {}) => x + z;
expectTypeOf(numbers.pipe(parallelMap(optional))).toEqualTypeOf<Observable<number>>();
const boxed = <T>(value: T) => ({ value });
expectTypeOf(letters.pipe(parallelMap(boxed, { concurrency: 2 }))).toEqualTypeOf<
  Observable<{ value: string }>
>();
// A task that takes more than one kind of input.
expectTypeOf(numbers.pipe(parallelMap((x: number | string) => `${x}`))).toEqualTypeOf<Observable<string>>();
// A built-in one.
expectTypeOf(numbers.pipe(parallelMap(Math.sqrt))).toEqualTypeOf<Observable<number>>();

expectTypeOf(numbers.pipe(parallelMap(Math.max, { args: [1, 2] }))).toEqualTypeOf<Observable<number>>();
expectTypeOf(letters.pipe(parallelMap(parseFloat))).toEqualTypeOf<Observable<number>>();

// Default, optional and rest parameters, with and without types of their own.
expectTypeOf(numbers.pipe(parallelMap((x, y = 3) => x + y))).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap((x, y = 3) => x + y, { args: [1] }))).toEqualTypeOf<
  Observable<number>
>();
expectTypeOf(numbers.pipe(parallelMap((x: number, y?: number) => y ?? x))).toEqualTypeOf<
  Observable<number>
>();
expectTypeOf(numbers.pipe(parallelMap((x: number, ...ys: number[]) => x + ys.length))).toEqualTypeOf<
  Observable<number>
>();
expectTypeOf(
  numbers.pipe(parallelMap((x: number, ...ys: number[]) => x + ys.length, { args: [1, 2] })),
).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap((x, ...more) => [x, ...more], { args: ['a', 1] }))).toEqualTypeOf<
  Observable<[number, string, number]>
>();
// Destructured options with defaults.
expectTypeOf(numbers.pipe(parallelMap((x, { z = 0 } = {}) => x + z))).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap((x, { z = 0 }) => x + z, { kwargs: { z: 1 } }))).toEqualTypeOf<
  Observable<number>
>();
expectTypeOf(
  of({ a: 1 } as { a: number; b?: number }).pipe(parallelMap(({ a, b = 2 }) => a + b)),
).toEqualTypeOf<Observable<number>>();
// What is given keeps its type where a task asks for more: only what is missing has none.
// @ts-expect-error the task needs kwargs
numbers.pipe(parallelMap((x, y, { z }) => [x.toFixed(), y.length, z], { args: ['q'] }));
// @ts-expect-error the task needs args
numbers.pipe(parallelMap((x, y) => x + y));
// Literals of the task's own types.
numbers.pipe(parallelMap((_: number, unit: 'Hz' | 'kHz') => unit, { args: ['Hz'] }));
numbers.pipe(parallelMap((_: number, { unit }: { unit: 'Hz' | 'kHz' }) => unit, { kwargs: { unit: 'Hz' } }));
// Rows of several kinds, the empty tuple among them.
expectTypeOf(numbers.pipe(parallelMap(x => (x > 1 ? [x] : [])))).toEqualTypeOf<Observable<[number] | []>>();
expectTypeOf(
  numbers.pipe(parallelMap(x => (x > 1 ? { kind: 'a' as const, x } : { kind: 'b' as const, x: null }))),
).toEqualTypeOf<Observable<{ kind: 'a'; x: number } | { kind: 'b'; x: null }>>();

// args and kwargs come after the input, kwargs last.
expectTypeOf(
  numbers.pipe(
    parallelMap(
      (x, name, { z }) => {
        expectTypeOf(x).toEqualTypeOf<number>();
        expectTypeOf(name).toEqualTypeOf<string>();
        expectTypeOf(z).toEqualTypeOf<number>();
        return [x, name, z];
      },
      { args: ['q'], kwargs: { z: 5 } },
    ),
  ),
).toEqualTypeOf<Observable<[number, string, number]>>();
expectTypeOf(
  numbers.pipe(parallelMap((x, text, many) => [x, text, many], { args: ['q', Float64Array.of(1)] })),
).toEqualTypeOf<Observable<[number, string, Float64Array<ArrayBuffer>]>>();
expectTypeOf(numbers.pipe(parallelMap((x, { z }) => x + z, { kwargs: { z: 5 } }))).toEqualTypeOf<
  Observable<number>
>();
const addDiff = (x: number, y: Float64Array, { z = 0 }: { z?: number } = {}) => [y.map(v => x + v), z];
numbers.pipe(parallelMap(addDiff, { args: [Float64Array.of(4, 5, 6)], kwargs: { z: 5 } }));
numbers.pipe(parallelMap(addDiff, { args: [Float64Array.of(4, 5, 6)], kwargs: {} }));
numbers.pipe(parallelMap(addDiff, { args: [Float64Array.of(4, 5, 6)] }));

// spread: a tuple of inputs is the parameters.
const sumDiff = (x: number, y: number, { z = 0 }) => [x + y, x - y, z];
expectTypeOf(
  zip([1, 2], [4, 5]).pipe(parallelMap(sumDiff, { spread: true, kwargs: { z: 5 } })),
).toEqualTypeOf<Observable<number[]>>();
const pairs = of<[number, string][]>([1, 'a']);
expectTypeOf(pairs.pipe(parallelMap((n, s) => [s, n], { spread: true }))).toEqualTypeOf<
  Observable<[string, number]>
>();
expectTypeOf(
  pairs.pipe(
    parallelMap((n, s, more, { k }) => [n, s, more, k], { spread: true, args: [1n], kwargs: { k: 'k' } }),
  ),
).toEqualTypeOf<Observable<[number, string, bigint, string]>>();
// Tuples that are read only, and arrays of which the task takes some.
const fixed = of([1, 'a'] as const);
expectTypeOf(fixed.pipe(parallelMap((n: number, s: string) => `${n}${s}`, { spread: true }))).toEqualTypeOf<
  Observable<string>
>();
expectTypeOf(
  from([[1, 2]]).pipe(parallelMap((n: number, m: number) => n + m, { spread: true })),
).toEqualTypeOf<Observable<number>>();
const points = of<[number, number][]>([1, 2]);
expectTypeOf(points.pipe(parallelMap(Math.hypot, { spread: true }))).toEqualTypeOf<Observable<number>>();
expectTypeOf(points.pipe(parallelMap((...xs) => xs, { spread: true }))).toEqualTypeOf<
  Observable<[number, number]>
>();
expectTypeOf(points.pipe(parallelMap((x, y, z = 1) => x + y + z, { spread: true }))).toEqualTypeOf<
  Observable<number>
>();
expectTypeOf(parallelMap((a: number, b: string) => a + b, { spread: true })).toEqualTypeOf<
  OperatorFunction<[a: number, b: string], string>
>();
expectTypeOf(pairs.pipe(parallelMap(pair => pair, { spread: false }))).toEqualTypeOf<
  Observable<[number, string]>
>();

// Options of a variable, of an interface.
const options = { concurrency: 3, ordered: false };
expectTypeOf(numbers.pipe(parallelMap(x => x, options))).toEqualTypeOf<Observable<number>>();
interface Model {
  readonly k: number;
}
const model: Model = { k: 1 };
expectTypeOf(numbers.pipe(parallelMap((x: number, { k }: Model) => k * x, { kwargs: model }))).toEqualTypeOf<
  Observable<number>
>();

// MapOptions as a type of one's own, of variables and wrappers.
const few: MapOptions = { concurrency: 2 };
expectTypeOf(numbers.pipe(parallelMap(x => x + 1, few))).toEqualTypeOf<Observable<number>>();
expectTypeOf(numbers.pipe(parallelMap(optional, few))).toEqualTypeOf<Observable<number>>();
expectTypeOf(letters.pipe(parallelMap(same, few))).toEqualTypeOf<Observable<string>>();
expectTypeOf(numbers.pipe(parallelMap(x => [x, 'a'], { ...few, ordered: false }))).toEqualTypeOf<
  Observable<[number, string]>
>();
expectTypeOf(numbers.pipe(parallelMap((x, { z }) => x * z, { ...few, kwargs: { z: 2 } }))).toEqualTypeOf<
  Observable<number>
>();
const named: MapOptions<[number], { z: number }> = { args: [1], kwargs: { z: 2 } };
expectTypeOf(numbers.pipe(parallelMap((x, y, { z }) => x + y + z, named))).toEqualTypeOf<
  Observable<number>
>();
const spread: MapOptions<[], never, true> = { spread: true };
expectTypeOf(points.pipe(parallelMap((x, y) => x + y, spread))).toEqualTypeOf<Observable<number>>();
const careful = <T, R>(task: (x: T) => R | Promise<R>, given: MapOptions = {}): OperatorFunction<T, R> =>
  parallelMap<T, R>(task, { ...given, retry: 3 });
expectTypeOf(numbers.pipe(careful(x => x > 1))).toEqualTypeOf<Observable<boolean>>();
const plain = <T, R>(task: (x: T) => R, given?: MapOptions) => parallelMap(task, given);
expectTypeOf(plain((x: number) => x > 1)).toEqualTypeOf<OperatorFunction<number, boolean>>();
const untyped = (task: Task, given: MapOptions) => parallelMap(task, given);
expectTypeOf(numbers.pipe(untyped(Math.hypot, { args: [1] }))).toEqualTypeOf<Observable<unknown>>();
const idsOf = <T extends { id: number }>(things: Observable<T>) => things.pipe(parallelMap(({ id }) => id));
expectTypeOf(idsOf(of({ id: 1 }))).toEqualTypeOf<Observable<number>>();

// Every option.
numbers.pipe(
  parallelMap(x => x, {
    args: [],
    spread: false,
    ordered: false,
    concurrency: 4,
    chunk: 'auto',
    executor: inline(),
    progress: {
      next: ({ completed, total, fraction }) => [completed, total?.toFixed(), fraction?.toFixed()],
    },
    failFast: false,
    retry: { count: 3, delay: 100 },
    taskTimeout: 10,
    timeout: 1000,
    maxBuffered: 100,
  }),
);
numbers.pipe(parallelMap(x => x, { chunk: 5, retry: 1, progress: true }));

// The serial twin has the same signature.
expectTypeOf(serialMap).toEqualTypeOf<typeof parallelMap>();

// @ts-expect-error the task takes numbers, the source has strings
letters.pipe(parallelMap((x: number) => x));
// @ts-expect-error there is no such option
numbers.pipe(parallelMap(x => x, { concurency: 3 }));
// @ts-expect-error an option of the wrong type
numbers.pipe(parallelMap(x => x, { concurrency: '3' }));
// @ts-expect-error a chunk that is neither a number nor 'auto'
numbers.pipe(parallelMap(x => x, { chunk: 'all' }));
// @ts-expect-error an executor is made by a call
numbers.pipe(parallelMap(x => x, { executor: inline }));
// @ts-expect-error the task needs kwargs
numbers.pipe(parallelMap((x: number, { z }: { z: number }) => x + z));
// @ts-expect-error the task needs args
numbers.pipe(parallelMap((x: number, y: number) => x + y));
// @ts-expect-error an argument of the wrong type
numbers.pipe(parallelMap((x: number, y: number) => x + y, { args: ['y'] }));
// @ts-expect-error an argument too few
numbers.pipe(parallelMap((x: number, y: number, z: number) => x + y + z, { args: [1] }));
// @ts-expect-error kwargs of the wrong type
numbers.pipe(parallelMap((x: number, { z }: { z: number }) => x + z, { kwargs: { z: 'z' } }));
// @ts-expect-error kwargs that lack a key
numbers.pipe(parallelMap((x: number, { y, z }: { y: number; z: number }) => x + y + z, { kwargs: { z: 1 } }));
// @ts-expect-error kwargs that the task does not know
numbers.pipe(parallelMap((x: number, { z = 0 }: { z?: number }) => x + z, { kwargs: { zz: 1 } }));
// @ts-expect-error spread needs tuples
numbers.pipe(parallelMap((x: number) => x, { spread: true }));
// @ts-expect-error a tuple is one input, unless it is spread
pairs.pipe(parallelMap((n: number, s: string) => [s, n]));
// @ts-expect-error the second of each tuple is a string
pairs.pipe(parallelMap((n: number, m: number) => n + m, { spread: true }));
// @ts-expect-error not a function
numbers.pipe(parallelMap(3));
// @ts-expect-error no task
numbers.pipe(parallelMap());
// @ts-expect-error the row is a string
numbers.pipe(parallelMap(x => `${x}`)).subscribe((row: number) => row);
