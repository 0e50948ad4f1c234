// Checked by the compiler alone: nothing here is run.
import { expectTypeOf } from 'expect-type';
import type { Observable } from 'rxjs';
import { grid, linspace, parallelMap, parfor, type Sweep, sweep } from '../../index.js';

// A sweep has the type of what it is made of, and is an Observable.
expectTypeOf(sweep([1, 2])).toEqualTypeOf<Sweep<number>>();
expectTypeOf(sweep('ab')).toEqualTypeOf<Sweep<string>>();
expectTypeOf(sweep(new Set(['a']), { total: 1 })).toEqualTypeOf<Sweep<string>>();
function* seeds() {
  yield 1;
  yield 'two';
}
async function* later() {
  yield 1n;
}
expectTypeOf(sweep(seeds())).toEqualTypeOf<Sweep<1 | 'two'>>();
expectTypeOf(sweep(later())).toEqualTypeOf<Sweep<bigint>>();
expectTypeOf(sweep([1]).total).toEqualTypeOf<number | undefined>();
expectTypeOf(sweep([1])).toExtend<Observable<number>>();
expectTypeOf(sweep(later()).pipe(parallelMap(x => x))).toEqualTypeOf<Observable<bigint>>();

expectTypeOf(linspace(0, 1, 5)).toEqualTypeOf<Sweep<number>>();

// A grid of axes: tuples, which spread takes.
expectTypeOf(grid([1, 2], ['a', 'b'])).toEqualTypeOf<Sweep<[number, string]>>();
expectTypeOf(grid([1, 2])).toEqualTypeOf<Sweep<[number]>>();
expectTypeOf(grid(new Set([1]), new Map([['a', true]]))).toEqualTypeOf<Sweep<[number, [string, boolean]]>>();
expectTypeOf(grid([1, 2], ['a']).pipe(parallelMap((x, name) => [name, x], { spread: true }))).toEqualTypeOf<
  Observable<[string, number]>
>();

// A grid of named axes: records.
grid({ x: [1, 2], name: ['a'] })
  .pipe(
    parallelMap(point => {
      expectTypeOf(point.x).toEqualTypeOf<number>();
      expectTypeOf(point.name).toEqualTypeOf<string>();
      // @ts-expect-error there is no such axis
      return point.y;
    }),
  )
  .subscribe();
expectTypeOf(grid({ x: [1, 2] })).toEqualTypeOf<Sweep<{ x: number }>>();
expectTypeOf(grid({ x: [1, 2] as const })).toEqualTypeOf<Sweep<{ x: 1 | 2 }>>();
expectTypeOf(grid({ x: [1, 2] as number[], y: new Set<string>() })).toEqualTypeOf<
  Sweep<{ x: number; y: string }>
>();
grid({ x: [1, 2] as number[], on: [true, false] as boolean[] })
  .pipe(parfor(({ x, on }) => ({ x, on })))
  .subscribe(columns =>
    expectTypeOf(columns).toEqualTypeOf<{ x: Float64Array<ArrayBuffer>; on: boolean[] }>(),
  );

// @ts-expect-error a number cannot be iterated
sweep(3);
// @ts-expect-error there is no such option
sweep([1], { length: 1 });
// @ts-expect-error a total is a number
sweep([1], { total: '1' });
// @ts-expect-error numbers, and three of them
linspace(0, 1);
// @ts-expect-error numbers
linspace('0', 1, 5);
// @ts-expect-error an axis is iterable
grid([1, 2], 3);
// @ts-expect-error an axis is iterable, with a name or without
grid({ x: 3 });
// @ts-expect-error the second axis has strings
grid([1], ['a']).pipe(parallelMap((x: number, y: number) => x + y, { spread: true }));
