// Checked by the compiler alone: nothing here is run.
import { expectTypeOf } from 'expect-type';
import { type Observable, range } from 'rxjs';
import { parallelMap, type Task, task, transfer } from '../../index.js';

// A task stays the function that it was.
const energy = task(import.meta, 'energy', (x: number, { k = 1 }: { k?: number } = {}) => (k * x * x) / 2);
expectTypeOf(energy).toEqualTypeOf<(x: number, kwargs?: { k?: number }) => number>();
expectTypeOf(energy(3, { k: 2 })).toEqualTypeOf<number>();
expectTypeOf(range(0, 3).pipe(parallelMap(energy, { kwargs: { k: 2 } }))).toEqualTypeOf<Observable<number>>();
expectTypeOf(range(0, 3).pipe(parallelMap(energy))).toEqualTypeOf<Observable<number>>();

const later = task(
  { url: 'file:///tasks.js' },
  'later',
  async (x: number): Promise<[number, string]> => [x, `${x}`],
);
expectTypeOf(range(0, 3).pipe(parallelMap(later))).toEqualTypeOf<Observable<[number, string]>>();
task({ url: new URL('file:///tasks.js') }, 'same', <T>(value: T) => value);
expectTypeOf(energy).toExtend<Task>();

// A default counts where there is no type; nothing is `any`.
const sum = task(import.meta, 'sum', (x: number, y = 3) => x + y);
expectTypeOf(sum).toEqualTypeOf<(x: number, y?: number) => number>();
expectTypeOf(
  task(import.meta, 'scaled', (x: number, { k = 1 } = {}) => k * x),
).returns.toEqualTypeOf<number>();
expectTypeOf(task(import.meta, 'pair', (x: number) => [x, `${x}`])).returns.toEqualTypeOf<[number, string]>();
expectTypeOf(task(import.meta, 'soon', async (x: number) => [x, `${x}`])).returns.resolves.toEqualTypeOf<
  [number, string]
>();
expectTypeOf(task(import.meta, 'positive', (x: number) => x > 0)).returns.toEqualTypeOf<boolean>();
expectTypeOf(range(0, 3).pipe(parallelMap(sum, { args: [1] }))).toEqualTypeOf<Observable<number>>();

// transfer() does not show in the type of a row.
expectTypeOf(range(0, 3).pipe(parallelMap(x => transfer(Float32Array.of(x))))).toEqualTypeOf<
  Observable<Float32Array<ArrayBuffer>>
>();

// @ts-expect-error the task takes a number
energy('3');
// @ts-expect-error kwargs of the wrong type
range(0, 3).pipe(parallelMap(energy, { kwargs: { k: '2' } }));
// @ts-expect-error the first argument says where the module is
task('energy', (x: number) => x);
// @ts-expect-error the first argument has a url
task({}, 'energy', (x: number) => x);
// @ts-expect-error the third argument is a function
task(import.meta, 'energy', 3);
