import * as tasks from '../tasks.js';

/** The tasks, as pools call them: with one value. */
export const powers = tasks.powers;
export const labelled = tasks.labelled;
export const costly = tasks.costly;
export const endless = tasks.endless;
export const busy = ({ seed, iterations }: { seed: number; iterations: number }): number =>
  tasks.busy(seed, iterations);
export const pick = ({ i, data }: { i: number; data: Float64Array }): number => tasks.pick(i, data);
