/** How much of the cores' time is useful at each size of a task: efficiency, METG(50%), and a plot of both. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { count, lastValueFrom, mergeMap, range } from 'rxjs';
import { parallelMap, threads } from '../index.js';
import { BareWorkers } from './bareWorkers.js';
import { type EfficiencyPoint, plotEfficiency } from './efficiencyPlot.js';
import { elapsed, inOtherProcesses, interleaved, type Measure, warmUp } from './interleaved.js';
import { allPeers } from './peers.js';
import { Python, type PythonMap, pythonVersion } from './python.js';
import { atLeast, atMost, figure, fraction, present, type Table, type Verdict } from './section.js';
import { benchFolder, inFlight, quick, rounds, workers } from './settings.js';
import { busy } from './tasks.js';

/** Sizes of the task in µs, and the efficiency that is hoped for. Below 0.5 they serve METG, at 30 the peers' one. */
const targets = new Map<number, number | undefined>([
  [0.1, undefined],
  [0.2, undefined],
  [0.5, 0.6],
  [1, 0.78],
  [10, 0.92],
  [30, undefined],
  [100, 0.93],
  [1000, 0.95],
  [10_000, 0.97],
]);
const sizes = [...targets.keys()];

/** Work in a sweep, in ms of one core: enough that the start and the end of a sweep weigh little. */
const work = quick ? 100 : 600;

/** The same for peers, and for the serial loop, whose rates do not depend on it. */
const peerWork = work / 4;

/** Tasks in a sweep at least: at its end a worker may wait for the other's last one, which is to weigh little. */
const fewest = quick ? 20 : 100 * workers;

/** Up to this size a task is measured by itself, as a processor begins the next while it ends one. */
const short = 10;

const pool = threads({ maxThreads: workers });
const bare = new BareWorkers(workers);
const peers = allPeers(workers);
const python = pythonVersion() === undefined ? undefined : new Python(workers);

/** Inputs in a sweep of tasks of `size` µs, where each costs `overhead` µs more. */
const length = (work: number, size: number, overhead = 0): number =>
  Math.max(fewest, Math.round((work * 1000) / (size + overhead)));

const seeds = (length: number): Float64Array => Float64Array.from({ length }, (_, i) => i);

/** What runs `length` tasks of so many iterations one after another, and gives the ms that they took. */
type Serial = (length: number, iterations: number) => Promise<number>;

const bareLoop: Serial = (length, iterations) => bare.serial(busy, seeds(length), iterations);

const pythonLoop: Serial = (count, iterations) =>
  (python as Python).run({ by: 'loop', task: 'busy', count, iterations });

/**
 * Iterations of a task of `size` µs, where it runs when it is compiled for good.
 *
 * The quickest of several times counts: other work on the machine only ever adds to it.
 */
async function iterationsFor(size: number, serial: Serial): Promise<number> {
  if (size > short) return Math.round(((await iterationsFor(short, serial)) * size) / short);
  const tasks = length(10, size);
  let iterations = Math.round(size * 100);
  for (let step = 0; step < 3; step++) {
    const times: number[] = [];
    for (let i = 0; i < 7; i++) times.push(await serial(tasks, iterations));
    const measured = (Math.min(...times) * 1000) / tasks;
    iterations = Math.max(0, Math.round((iterations * size) / measured));
  }
  return iterations;
}

/** What a trip to each peer costs, in µs of one core: it sets how many inputs a peer gets. */
async function overheads(): Promise<Map<string, number>> {
  const tasks = 400;
  const found = new Map<string, number>();
  for (const peer of peers) {
    const trips = () =>
      lastValueFrom(
        range(0, tasks).pipe(
          mergeMap(seed => peer.run('busy', { seed, iterations: 0 }), inFlight),
          count(),
        ),
      );
    await trips();
    found.set(peer.name, ((await elapsed(trips)) * 1000 * workers) / tasks);
  }
  return found;
}

const overhead = await overheads();

/** Times of each task at one size, in µs: of one core in a loop, and of the wall's clock by candidate. */
interface Times {
  readonly serial: number;
  readonly pythonSerial: number;
  readonly wall: Readonly<Record<string, number>>;
}

async function timesPerTask(size: number): Promise<Times> {
  const iterations = await iterationsFor(size, bareLoop);
  const own = length(work, size);
  const serialLength = length(peerWork, size);
  const ownTasks = seeds(own);
  const each = (tasks: number, milliseconds: number): number => (milliseconds * 1000) / tasks;
  const drain = (): Promise<unknown> =>
    lastValueFrom(range(0, own).pipe(parallelMap(busy, { args: [iterations], executor: pool }), count()));

  const candidates: Record<string, Measure> = {
    serial: async () => each(serialLength, await bareLoop(serialLength, iterations)),
    'rx-parfor': async () => each(own, await elapsed(drain)),
    'bare workers': async () => each(own, await bare.shared(busy, ownTasks, iterations)),
  };
  for (const peer of peers) {
    const tasks = length(peerWork, size, overhead.get(peer.name));
    const run = () =>
      lastValueFrom(
        range(0, tasks).pipe(
          mergeMap(seed => peer.run('busy', { seed, iterations }), inFlight),
          count(),
        ),
      );
    candidates[peer.name === 'Tinypool' ? 'bare Tinypool' : peer.name] = async () =>
      each(tasks, await elapsed(run));
  }
  if (python) {
    const iterations = await iterationsFor(size, pythonLoop);
    const task = { task: 'busy', iterations } as const;
    const few = length(peerWork, size, 150);
    const chunksize = Math.ceil(serialLength / (4 * workers));
    const order = (by: PythonMap, count: number, chunksize?: number): Measure =>
      inOtherProcesses(async () =>
        each(count, await python.run({ ...task, by, count, ...(chunksize && { chunksize }) })),
      );
    candidates.pythonSerial = order('loop', serialLength);
    candidates['Python executor.map'] = order('ProcessPoolExecutor.map', few);
    candidates['Python executor.map, in eighths'] = order('ProcessPoolExecutor.map', serialLength, chunksize);
    candidates['Python Pool.map'] = order('Pool.map', serialLength);
  }
  await warmUp(candidates);
  const { serial = Number.NaN, pythonSerial = Number.NaN, ...wall } = await interleaved(rounds, candidates);
  return { serial, pythonSerial, wall };
}

/** The size at which efficiency crosses one half, in µs, on a logarithmic scale between the sizes around it. */
function metg(curve: readonly EfficiencyPoint[]): { size: number; bound: '' | '<' | '>' } {
  const [first] = curve;
  if (first && first.efficiency >= 0.5) return { size: first.size, bound: '<' };
  for (let i = 1; i < curve.length; i++) {
    const [below, above] = [curve[i - 1] as EfficiencyPoint, curve[i] as EfficiencyPoint];
    if (above.efficiency < 0.5) continue;
    const share = (0.5 - below.efficiency) / (above.efficiency - below.efficiency);
    return { size: below.size * (above.size / below.size) ** share, bound: '' };
  }
  return { size: curve.at(-1)?.size ?? Number.NaN, bound: '>' };
}

/** By candidate, and by the size that its task was meant to have. */
const curves = new Map<string, Map<number, EfficiencyPoint>>();
const serialTimes: number[] = [];
for (const size of sizes) {
  const { serial, pythonSerial, wall } = await timesPerTask(size);
  serialTimes.push(serial);
  for (const [candidate, time] of Object.entries(wall)) {
    const isPython = candidate.startsWith('Python');
    const useful = isPython ? pythonSerial : serial;
    // Python's shortest loop takes longer than the smallest of these tasks.
    if (isPython && useful > 1.5 * size) continue;
    const curve = curves.get(candidate) ?? new Map<number, EfficiencyPoint>();
    curves.set(
      candidate,
      curve.set(size, { candidate, size: useful, efficiency: useful / (workers * time) }),
    );
  }
}

const metgs = new Map([...curves].map(([candidate, curve]) => [candidate, metg([...curve.values()])]));
const own = curves.get('rx-parfor');
const verdicts: Verdict[] = [];
for (const [size, target] of targets)
  if (target !== undefined)
    verdicts.push(
      atLeast(`efficiency at ${figure(size)} µs a task`, own?.get(size)?.efficiency ?? Number.NaN, target),
    );
verdicts.push(atMost('METG(50%)', metgs.get('rx-parfor')?.size ?? Number.NaN, 0.5, ' µs'));

const efficiencies: Table = {
  caption: `Efficiency: serial time / (${workers} × wall time), by the size of the task in µs`,
  head: ['', ...sizes.map(size => figure(size)), 'METG(50%)'],
  rows: [...curves].map(([candidate, curve]) => {
    const { size, bound } = metgs.get(candidate) ?? { size: Number.NaN, bound: '' };
    const cells = sizes
      .map(size => curve.get(size)?.efficiency)
      .map(value => (value === undefined ? '' : fraction(value)));
    return [candidate, ...cells, `${bound && `${bound} `}${figure(size, 2)} µs`];
  }),
};

const serialTable: Table = {
  caption: 'The task as measured in a bare loop in a worker, µs',
  head: ['', ...sizes.map(size => figure(size))],
  rows: [['serial', ...serialTimes.map(time => figure(time))]],
};

const plot = await plotEfficiency([...curves.values()].flatMap(curve => [...curve.values()]));
if (!quick) writeFileSync(join(benchFolder, 'grain.svg'), plot);

await present({
  title: 'Grain',
  about: `A task that keeps a core busy, ${figure(work)} ms of work in each sweep, or ${fewest} tasks, ${workers} workers; median of ${rounds}, candidates in turn. METG(50%) is the smallest task at which half of the cores' time is useful. "bare workers" run their half in a loop, with no scheduling and no results to send: what the machine gives at most. Python's tasks are Python's, and of the same size.`,
  verdicts,
  tables: [efficiencies, serialTable],
  plot: 'grain.svg',
});
