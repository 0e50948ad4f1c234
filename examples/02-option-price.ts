// Price an option by Monte Carlo: inputs without end, an estimate that streams, and a stop when it is good enough.

import { parallelMap, sweep } from 'rx-parfor';
import { lastValueFrom, scan, takeWhile, tap } from 'rxjs';
import { type CallOption, simulatePayoff } from './option-price/simulatePayoff.js';

const option: CallOption = { price: 100, strike: 105, years: 1, interest: 0.05, volatility: 0.2 };
const wanted = 0.01;

function* seeds() {
  for (let seed = 1; ; seed++) yield seed;
}

interface Estimate {
  readonly count: number;
  readonly mean: number;
  /** The sum of the squared differences from the mean (Welford). */
  readonly squares: number;
}
const include = ({ count, mean, squares }: Estimate, value: number): Estimate => {
  const next = mean + (value - mean) / (count + 1);
  return { count: count + 1, mean: next, squares: squares + (value - mean) * (value - next) };
};
const errorOf = ({ count, squares }: Estimate) => Math.sqrt(squares / (count - 1) / count);
const isGoodEnough = (estimate: Estimate) => estimate.count >= 16 && errorOf(estimate) < wanted;

const { count } = await lastValueFrom(
  sweep(seeds()).pipe(
    parallelMap(simulatePayoff, { args: [20_000], kwargs: option }),
    scan(include, { count: 0, mean: 0, squares: 0 }),
    tap(estimate => {
      if (estimate.count % 32 === 0 || isGoodEnough(estimate))
        console.log(`${estimate.mean.toFixed(3)} ± ${errorOf(estimate).toFixed(3)}`);
    }),
    // The last of them unsubscribes: the generator ends, and the workers are free.
    takeWhile(estimate => !isGoodEnough(estimate), true),
  ),
);
console.log(`after ${(20_000 * count).toLocaleString('en')} paths; Black and Scholes have 8.021`);
