/** Efficiency by the number of workers, and how many of them the main thread can feed. */
import { availableParallelism } from 'node:os';
import { count, lastValueFrom, range } from 'rxjs';
import { parallelMap, threads } from '../index.js';
import { defaultChunkPolicy } from '../lib/executor.js';
import { BareWorkers } from './bareWorkers.js';
import { elapsed, interleaved, warmUp } from './interleaved.js';
import { mainThreadTimeOf } from './mainThreadTime.js';
import { figure, fraction, present, type Table } from './section.js';
import { quick, rounds } from './settings.js';
import { blocked, busy } from './tasks.js';

const counts = [1, 2, 4, 8, 16];
const cores = availableParallelism();
const tasksPerWorker = quick ? 50 : 400;
const bare = new BareWorkers(1);
const [inputs, iterations] = [new Float64Array(tasksPerWorker), 1_000_000];

interface Figures {
  readonly workers: number;
  readonly efficiency: number;
  /** The part of the wall time that the main thread computed. */
  readonly main: number;
}

/** Runs as many tasks for each worker, on more and more of them. */
async function scale(
  counts: readonly number[],
  task: (value: number, extra: number) => number,
  extra: number,
): Promise<Figures[]> {
  const figures: Figures[] = [];
  for (const workers of counts) {
    const executor = threads({ maxThreads: workers });
    const length = workers * tasksPerWorker;
    const run = () =>
      lastValueFrom(range(0, length).pipe(parallelMap(task, { args: [extra], executor }), count()));
    await run();
    const { serial, wall, main } = await interleaved(rounds, {
      serial: () => bare.serial(task, inputs, extra),
      wall: () => elapsed(run),
      main: () => mainThreadTimeOf(run),
    });
    figures.push({ workers, efficiency: serial / wall, main: main / wall });
    await executor.close();
  }
  return figures;
}

/** The main thread's time for a sweep of quick tasks, per row, and for a chunk of one input, in µs. */
async function mainThreadCosts(): Promise<{ perRow: number; perChunk: number }> {
  const executor = threads({ maxThreads: Math.min(2, cores) });
  const [many, few] = quick ? [100_000, 1000] : [1_000_000, 10_000];
  const run = (length: number, options: { chunk?: number }) =>
    lastValueFrom(
      range(0, length).pipe(
        parallelMap((x: number) => [x, x, x], { executor, ...options }),
        count(),
      ),
    );
  const cost = (length: number, options: { chunk?: number }) => async () =>
    ((await mainThreadTimeOf(() => run(length, options))) * 1000) / length;
  const candidates = { perRow: cost(many, {}), perChunk: cost(few, { chunk: 1 }) };
  await warmUp(candidates);
  const costs = await interleaved(rounds, candidates);
  await executor.close();
  return costs;
}

const { perRow, perChunk } = await mainThreadCosts();
const busyFigures = await scale(
  counts.filter(workers => workers <= cores),
  busy,
  iterations,
);
const blockedFigures = await scale(counts, blocked, 1);

const scaled = (caption: string, figures: readonly Figures[]): Table => ({
  caption,
  head: ['workers', ...figures.map(({ workers }) => figure(workers))],
  rows: [
    ['efficiency', ...figures.map(({ efficiency }) => fraction(efficiency))],
    ['main thread busy', ...figures.map(({ main }) => `${figure(100 * main, 2)} %`)],
  ],
});

/** How much work a chunk of one worker holds; the main thread serves one after another. */
const { timeSlice, maxInputs } = defaultChunkPolicy;

/** What such a chunk costs the main thread in µs when it reports several times, as those of tasks of 1 ms do. */
const most = blockedFigures.at(-1) as Figures;
const perSlice = (1000 * timeSlice * most.main) / (most.workers * most.efficiency);

const bound: Table = {
  caption: 'The main thread as the bound, computed from its time per row and per chunk',
  head: ['task, µs', 'rows in a chunk', "main thread's µs for it", 'workers that it can feed', 'rows/s then'],
  rows: [0.1, 1, 10, 100, 1000, 10_000].map(size => {
    const rows = Math.max(1, Math.min(maxInputs, Math.floor((1000 * timeSlice) / size)));
    const cost = (rows > 1 && rows < maxInputs ? perSlice : perChunk) + rows * perRow;
    return [size, rows, cost, (rows * size) / cost, (rows * 1e6) / cost].map(value => figure(value));
  }),
};

await present({
  title: 'Scaling',
  about: `Tasks of about 1 ms, ${figure(tasksPerWorker)} for each worker; median of ${rounds}. Busy tasks go as far as there are cores (${cores} here). Blocked ones wait for 1 ms without using a core, so that more workers than cores show what the engine can feed. The main thread takes ${figure(perRow * 1000)} ns a row and ${figure(perChunk)} µs a chunk of one input; ${figure(perSlice)} µs a chunk that lasts ${timeSlice} ms and reports meanwhile.`,
  verdicts: [],
  tables: [scaled('Busy tasks of 1 ms', busyFigures), scaled('Blocked tasks of 1 ms', blockedFigures), bound],
});
