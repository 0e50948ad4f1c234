import { expectTypeOf } from 'expect-type';
import { from, type Observable, of, range, zip } from 'rxjs';
import { parallelMap } from '../../index.js';

expectTypeOf(range(0, 3).pipe(parallelMap(x => x + 1))).toEqualTypeOf<Observable<number>>();
expectTypeOf(range(0, 3).pipe(parallelMap(x => [x, x ** 2, 'a']))).toEqualTypeOf<
  Observable<[number, number, string]>
>();
expectTypeOf(range(0, 3).pipe(parallelMap(async x => [x, 'b']))).toEqualTypeOf<
  Observable<[number, string]>
>();
expectTypeOf(range(0, 3).pipe(parallelMap(async x => ({ x, s: 'a' + x })))).toEqualTypeOf<
  Observable<{ x: number; s: string }>
>();
expectTypeOf(range(0, 3).pipe(parallelMap(x => ({ x, s: 'a' + x })))).toEqualTypeOf<
  Observable<{ x: number; s: string }>
>();
expectTypeOf(range(0, 3).pipe(parallelMap(() => 'lit'))).toEqualTypeOf<Observable<string>>();
expectTypeOf(
  range(0, 3).pipe(parallelMap((x, y, { z }) => [x, y, z], { args: ['q'], kwargs: { z: 5 } })),
).toEqualTypeOf<Observable<[number, string, number]>>();
const sumDiff = (x: number, y: number, { z = 0 }) => [x + y, x - y, z];
expectTypeOf(
  zip([1, 2, 3], [4, 5, 6]).pipe(parallelMap(sumDiff, { spread: true, kwargs: { z: 5 } })),
).toEqualTypeOf<Observable<number[]>>();
expectTypeOf(
  of([1, 'a'] as [number, string]).pipe(parallelMap((n, s) => [s, n], { spread: true })),
).toEqualTypeOf<Observable<[string, number]>>();
const op = parallelMap((x: number) => x * 2);
expectTypeOf(from([1]).pipe(op)).toEqualTypeOf<Observable<number>>();
const f = (x: number): Promise<Date> | Date => new Date(x);
expectTypeOf(from([1]).pipe(parallelMap(f))).toEqualTypeOf<Observable<Date>>();
expectTypeOf(
  from([1]).pipe(
    parallelMap(x => {
      if (x) throw new Error();
      return x;
    }),
  ),
).toEqualTypeOf<Observable<number>>();
expectTypeOf(
  from([1]).pipe(
    parallelMap(x => {
      void x;
    }),
  ),
).toEqualTypeOf<Observable<void>>();
expectTypeOf(from([1]).pipe(parallelMap(x => (x ? x : null)))).toEqualTypeOf<Observable<number | null>>();
expectTypeOf(from([1]).pipe(parallelMap(x => x as any))).toEqualTypeOf<Observable<any>>();
expectTypeOf(from([1]).pipe(parallelMap(x => x as unknown))).toEqualTypeOf<Observable<unknown>>();
expectTypeOf(
  from([1]).pipe(
    parallelMap(() => {
      for (;;);
    }),
  ),
).toEqualTypeOf<Observable<never>>();
// @ts-expect-error wrong input type
from(['a']).pipe(parallelMap((x: number) => x));
// @ts-expect-error unknown option
from([1]).pipe(parallelMap(x => x, { concurency: 3 }));
// @ts-expect-error kwargs missing
from([1]).pipe(parallelMap((x: number, { z }: { z: number }) => x + z));
// @ts-expect-error spread needs tuples
from([1]).pipe(parallelMap((x: number) => x, { spread: true }));

const strict = (x: number, y: Float64Array, { z = 0 }: { z?: number } = {}) => [y.map(v => x + v), z];
from([1]).pipe(parallelMap(strict, { args: [Float64Array.of(4, 5, 6)], kwargs: { z: 5 } }));
from([1]).pipe(parallelMap(strict, { args: [Float64Array.of(4, 5, 6)] }));
