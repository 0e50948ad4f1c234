import { watchOtherWork } from './otherWork.js';

/** What of a candidate is measured, a smaller or larger number of anything. */
export type Measure = () => Promise<number>;

const elsewhere = new WeakSet<Measure>();

/** Marks what works in other processes, so that their work is not taken for a disturbance. */
export function inOtherProcesses(measure: Measure): Measure {
  elsewhere.add(measure);
  return measure;
}

/** So many times the rounds are run at most, to make up for those that were disturbed. */
const PATIENCE = 3;

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

/**
 * Measures candidates in turn, several rounds, and gives the median of each.
 *
 * What else goes on in the machine then meets all of them alike, so that their ratio is fair where the figures are not.
 * Where other processes take much of the machine the figure is measured again, as long as that helps.
 */
export async function interleaved<Name extends string>(
  rounds: number,
  candidates: Readonly<Record<Name, Measure>>,
): Promise<Record<Name, number>> {
  const samples = await interleavedSamples(rounds, candidates);
  return Object.fromEntries(
    Object.entries<number[]>(samples).map(([name, values]) => [name, median(values)]),
  ) as Record<Name, number>;
}

/** As `interleaved`, with every single figure. */
export async function interleavedSamples<Name extends string>(
  rounds: number,
  candidates: Readonly<Record<Name, Measure>>,
): Promise<Record<Name, number[]>> {
  const measured = Object.entries<Measure>(candidates).map(([name, measure]) => ({
    name,
    measure,
    calm: [] as number[],
    disturbed: [] as number[],
  }));
  for (let round = 0; round < rounds * PATIENCE; round++) {
    // Where no figure at all was undisturbed, the next will be no better.
    const open = measured.filter(({ calm }) => round < rounds || (calm.length > 0 && calm.length < rounds));
    if (open.length === 0) break;
    for (const { measure, calm, disturbed } of open) {
      const wasDisturbed = watchOtherWork();
      const value = await measure();
      (wasDisturbed() && !elsewhere.has(measure) ? disturbed : calm).push(value);
    }
  }
  const samples = measured.map(
    ({ name, calm, disturbed }) => [name, calm.length > 0 ? calm : disturbed] as const,
  );
  return Object.fromEntries(samples) as unknown as Record<Name, number[]>;
}

/** Runs each candidate once, so that threads have started and code is compiled. */
export async function warmUp(candidates: Readonly<Record<string, Measure>>): Promise<void> {
  for (const measure of Object.values(candidates)) await measure();
}

/** Milliseconds until the promise that `start` gives is resolved. */
export async function elapsed(start: () => PromiseLike<unknown>): Promise<number> {
  const since = performance.now();
  await start();
  return performance.now() - since;
}
