import { task } from 'rx-parfor/task';

/** A European call: the right to buy a share at `strike` after `years`. Rates are per year. */
export type CallOption = Readonly<{
  price: number;
  strike: number;
  years: number;
  interest: number;
  volatility: number;
}>;

/** The task: the mean of what the option pays today, over `paths` random futures that the seed decides. */
export const simulatePayoff = task(
  import.meta,
  'simulatePayoff',
  (seed: number, paths: number, { price, strike, years, interest, volatility }: CallOption) => {
    const random = mulberry32(seed);
    const drift = (interest - volatility ** 2 / 2) * years;
    const deviation = volatility * Math.sqrt(years);
    let sum = 0;
    for (let i = 0; i < paths; i++)
      sum += Math.max(0, price * Math.exp(drift + deviation * normal(random)) - strike);
    return (Math.exp(-interest * years) * sum) / paths;
  },
);

/** A small generator of numbers from 0 to 1, by Tommy Ettinger: the same seed gives the same numbers anywhere. */
const mulberry32 = (seed: number) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
};

/** A normally distributed number (Box and Muller). */
const normal = (random: () => number) =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
