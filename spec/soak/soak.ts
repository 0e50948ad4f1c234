import { count, lastValueFrom, range, take } from 'rxjs';
import {
  type Executor,
  parallelMap,
  parallelMapSettled,
  parfor,
  processes,
  sweep,
  threads,
} from '../../index.js';
import { type Footprint, footprint } from './footprint.js';

export interface SoakSize {
  /** Inputs of one long sweep. */
  inputs: number;
  /** Runs that are subscribed to and left. */
  rounds: number;
  /** Inputs that end their worker. */
  crashes: number;
}

export interface SoakResult {
  name: string;
  before: Footprint;
  after: Footprint;
  /** What was counted, for the report. */
  figures: string;
}

const WORKERS = 2;

const crash = (x: number) => {
  if (x % 2 === 1) process.exit(1);
  return x;
};

function* numbers(count: number) {
  for (let i = 0; i < count; i++) yield i;
}

const hasGrown = (before: Footprint, after: Footprint): boolean =>
  after.threads > before.threads ||
  after.children > before.children ||
  after.listeners > before.listeners ||
  Object.entries(after.handles).some(([kind, count]) => count > (before.handles[kind] ?? 0));

/** The footprint with all workers there: one that was let go of may have been ended, and is started again when needed. */
async function footprintOf(executor: Executor): Promise<Footprint> {
  const wait = (x: number) => new Promise(resolve => setTimeout(resolve, 50, x));
  await lastValueFrom(range(0, WORKERS).pipe(parallelMap(wait, { executor, chunk: 1 })));
  return footprint();
}

async function measure(
  name: string,
  executor: Executor,
  warmUp: () => Promise<unknown>,
  work: () => Promise<string>,
): Promise<SoakResult> {
  await warmUp();
  const before = await footprintOf(executor);
  const figures = await work();
  let after = await footprintOf(executor);
  // What ends in the background may take its time; what stays is still there after the last look.
  for (let look = 0; look < 10 && hasGrown(before, after); look++) after = await footprintOf(executor);
  return { name, before, after, figures };
}

async function longSweep(executor: Executor, inputs: number): Promise<string> {
  const start = performance.now();
  const rows = await lastValueFrom(
    sweep(numbers(inputs)).pipe(
      parallelMap(x => x + 1, { executor }),
      count(),
    ),
  );
  if (rows !== inputs) throw new Error(`${rows} rows of ${inputs} inputs`);
  return `${inputs} inputs, ${Math.round(inputs / (performance.now() - start))}k rows/s`;
}

async function manyRounds(executor: Executor, rounds: number): Promise<string> {
  let rows = 0;
  for (let round = 0; round < rounds; round++) {
    if (round % 3 === 0)
      rows += await lastValueFrom(
        range(0, 5).pipe(
          parallelMap(x => x, { executor }),
          take(2),
          count(),
        ),
      );
    else if (round % 3 === 1) await lastValueFrom(range(0, 20).pipe(parfor(x => [x, x], { executor })));
    else
      range(0, 50)
        .pipe(parallelMap((x, _samples) => x, { executor, args: [new Float64Array(64)] }))
        .subscribe()
        .unsubscribe();
  }
  return `${rounds} rounds, ${rows} rows taken early`;
}

async function manyCrashes(executor: Executor, crashes: number): Promise<string> {
  let rejected = 0;
  let fulfilled = 0;
  await range(0, crashes * 2)
    .pipe(parallelMapSettled(crash, { executor }))
    .forEach(({ status }) => {
      if (status === 'rejected') rejected += 1;
      else fulfilled += 1;
    });
  if (rejected !== crashes || fulfilled !== crashes)
    throw new Error(`${rejected} rejected, ${fulfilled} fulfilled of ${crashes} each`);
  return `${crashes} inputs ended their worker, ${fulfilled} others gave their row`;
}

/** Runs everything that could leave something behind, many times. */
export async function soak({ inputs, rounds, crashes }: SoakSize): Promise<SoakResult[]> {
  const results: SoakResult[] = [];
  for (const [kind, make, share] of [
    ['threads', () => threads({ maxThreads: WORKERS }), 1],
    ['processes', () => processes({ maxThreads: WORKERS }), 10],
  ] as const) {
    const executor = make();
    const warmUp = (work: (executor: Executor, size: number) => Promise<unknown>, size: number) => () =>
      work(executor, size);
    results.push(
      await measure(`${kind}: one long sweep`, executor, warmUp(longSweep, Math.min(inputs, 200_000)), () =>
        longSweep(executor, inputs / share),
      ),
      await measure(`${kind}: subscribe and unsubscribe`, executor, warmUp(manyRounds, 60), () =>
        manyRounds(executor, rounds / share),
      ),
      await measure(`${kind}: workers that die`, executor, warmUp(manyCrashes, 4), () =>
        manyCrashes(executor, crashes / share),
      ),
    );
    await executor.close();
  }
  return results;
}
