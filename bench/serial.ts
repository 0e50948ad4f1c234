/** What a row of a quick task costs in this thread, beside RxJS's `map`: what speed-ups are measured against must be quick itself. */
import { map, type Observable, range } from 'rxjs';
import { inline, parallelMap, parallelMapSettled, parfor, serialMap, sweep } from '../index.js';
import { interleavedSamples, median, warmUp } from './interleaved.js';
import { atMost, figure, present, type Table } from './section.js';
import { quick, rounds } from './settings.js';

const length = quick ? 10_000 : 100_000;
const double = (x: number): number => x * 2;

function* numbers(): Generator<number> {
  for (let i = 0; i < length; i++) yield i;
}

/** Nanoseconds per row: subscribes and counts. */
const cost = (make: () => Observable<unknown>) => async () => {
  let rows = 0;
  const since = performance.now();
  make().subscribe(() => {
    rows += 1;
  });
  const elapsed = performance.now() - since;
  if (rows === 0) throw new Error('no rows came at once');
  return (elapsed * 1e6) / length;
};

const candidates = {
  'map, of RxJS': cost(() => range(0, length).pipe(map(double))),
  'serialMap, pushed': cost(() => range(0, length).pipe(serialMap(double))),
  'serialMap, pulled': cost(() => sweep(numbers()).pipe(serialMap(double))),
  'serialMap, with args and kwargs': cost(() =>
    range(0, length).pipe(
      serialMap((x: number, y: number, { z }: { z: number }) => x + y + z, { args: [1], kwargs: { z: 2 } }),
    ),
  ),
  'serialMap, with progress': cost(() =>
    range(0, length).pipe(serialMap(double, { progress: { next: () => undefined } })),
  ),
  'parallelMap on inline()': cost(() => range(0, length).pipe(parallelMap(double, { executor: inline() }))),
  'parallelMapSettled on inline()': cost(() =>
    range(0, length).pipe(parallelMapSettled(double, { executor: inline() })),
  ),
  'parfor on inline()': cost(() => range(0, length).pipe(parfor(double, { executor: inline() }))),
};

for (let i = 0; i < 3; i++) await warmUp(candidates);
const samples = await interleavedSamples(4 * rounds, candidates);
const best = (name: keyof typeof candidates): number => Math.min(...samples[name]);
const table: Table = {
  caption: 'Nanoseconds a row',
  head: ['', 'best', 'median', '× map'],
  rows: Object.entries(samples).map(([name, values]) => [
    name,
    figure(Math.min(...values)),
    figure(median(values)),
    figure(Math.min(...values) / best('map, of RxJS'), 2),
  ]),
};

await present({
  title: 'The serial twin',
  about: `\`x => 2 * x\` over ${figure(length)} inputs in this thread; ${4 * rounds} rounds, candidates in turn.`,
  verdicts: [
    atMost('a row of serialMap at best', best('serialMap, pushed') / 1000, 0.2, ' µs'),
    atMost("the same, × RxJS's map", best('serialMap, pushed') / best('map, of RxJS'), 10),
    atMost('a row of serialMap at best, pulled', best('serialMap, pulled') / 1000, 0.2, ' µs'),
  ],
  tables: [table],
});
