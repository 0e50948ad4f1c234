/**
 * The tasks that every candidate runs.
 *
 * Each is self-contained: rx-parfor ships its source, the peers' workers import it, and bare workers are given the
 * source as well, so that all run the same code.
 */

/** A row of three numbers. */
export const powers = (x: number): [number, number, number] => [x, x ** 2, x ** 3];

/** A record with a string. */
export const labelled = (x: number): { x: number; s: string } => ({ x, s: `a${x}` });

/**
 * Keeps a core busy for a time in proportion to `iterations`: a linear congruential generator, each step of which needs
 * the one before, so that no compiler can shorten it.
 */
export const busy = (seed: number, iterations: number): number => {
  let state = seed | 0;
  for (let i = 0; i < iterations; i++) state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return state;
};

/** As `busy`, where every input says how long it takes. */
export const costly = (iterations: number): number => {
  let state = iterations | 0;
  for (let i = 0; i < iterations; i++) state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return state;
};

/** Never returns. */
export const endless = (): void => {
  for (;;);
};

/** One number out of a large array that all tasks share. */
export const pick = (i: number, data: Float64Array): number => data[i % data.length] as number;

/** Blocks its thread for `ms` without using a core. */
export const blocked = (_: number, ms: number): number => {
  const cell = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(cell, 0, 0, ms);
  return ms;
};
