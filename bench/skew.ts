/** What uneven tasks cost: one in a hundred takes a thousand times as long as the others. */
import { count, from, lastValueFrom, mergeMap } from 'rxjs';
import { parallelMap, threads } from '../index.js';
import { BareWorkers } from './bareWorkers.js';
import { elapsed, inOtherProcesses, interleaved, warmUp } from './interleaved.js';
import { bareTinypool } from './peers.js';
import { Python, pythonVersion } from './python.js';
import { atMost, figure, fraction, present, type Table, type Verdict } from './section.js';
import { inFlight, quick, rounds, workers } from './settings.js';
import { costly } from './tasks.js';

/** Iterations of a quick task, some 10 µs. A slow one takes some 10 ms. */
const quickTask = 10_000;
const slowTask = 1000 * quickTask;
/** So many that the last slow one, for which a worker may wait at the end, weighs little. */
const length = quick ? 1000 : 15_000;
const slowOnes = length / 100;

const pool = threads({ maxThreads: workers });
const bare = new BareWorkers(1);
const tinypool = bareTinypool(workers);
const python = pythonVersion() === undefined ? undefined : new Python(workers);

/** Python runs fewer iterations in the same time. */
const pythonShare = 1 / 50;

const sorted = Array.from({ length }, (_, i) => (i < length - slowOnes ? quickTask : slowTask));

/** The same order at every run: Fisher and Yates, by a linear congruential generator. */
function shuffled(values: readonly number[]): number[] {
  const mixed = [...values];
  let state = 1;
  for (let i = mixed.length - 1; i > 0; i--) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const j = state % (i + 1);
    [mixed[i], mixed[j]] = [mixed[j] as number, mixed[i] as number];
  }
  return mixed;
}

const middle = (length - slowOnes) / 2;
const orders: Record<string, readonly number[]> = {
  'in a burst': [...sorted.slice(0, middle), ...sorted.slice(length - slowOnes), ...sorted.slice(0, middle)],
  'sorted, slow ones last': sorted,
  'sorted, slow ones first': sorted.toReversed(),
  random: shuffled(sorted),
};

/**
 * The time of the best schedule of tasks that take `total` ms one after another: the longest first, each to the worker
 * that is free first. For so few sizes of a task nothing is better.
 */
function bestSchedule(tasks: readonly number[], total: number): number {
  const iterations = tasks.reduce((sum, task) => sum + task, 0);
  const ends = new Float64Array(workers);
  for (const task of tasks.toSorted((a, b) => b - a)) {
    const first = ends.indexOf(Math.min(...ends));
    ends[first] = (ends[first] as number) + (task / iterations) * total;
  }
  return Math.max(...ends);
}

const verdicts: Verdict[] = [];
const times: string[][] = [];
const overBest: string[][] = [];
for (const [name, tasks] of Object.entries(orders)) {
  const inputs = Float64Array.from(tasks);
  const pythonInputs = tasks.map(task => Math.round(task * pythonShare));
  const ours = (ordered: boolean) => () =>
    elapsed(() => lastValueFrom(from(tasks).pipe(parallelMap(costly, { ordered, executor: pool }), count())));
  const candidates = {
    serial: () => bare.serial(costly, inputs),
    ordered: ours(true),
    unordered: ours(false),
    tinypool: () =>
      elapsed(() =>
        lastValueFrom(
          from(tasks).pipe(
            mergeMap(task => tinypool.run('costly', task), inFlight),
            count(),
          ),
        ),
      ),
    pythonSerial: inOtherProcesses(
      async () => python?.run({ by: 'loop', task: 'costly', inputs: pythonInputs }) ?? Number.NaN,
    ),
    python: inOtherProcesses(
      async () => python?.run({ by: 'Pool.map', task: 'costly', inputs: pythonInputs }) ?? Number.NaN,
    ),
  };
  await warmUp(candidates);
  const measured = await interleaved(rounds, candidates);
  const best = bestSchedule(tasks, measured.serial);
  const ratios = {
    ordered: measured.ordered / best,
    unordered: measured.unordered / best,
    tinypool: measured.tinypool / best,
    python: measured.python / bestSchedule(pythonInputs, measured.pythonSerial),
  };
  verdicts.push(
    atMost(`${name}, ordered: time / the best schedule's`, ratios.ordered, 1.05),
    atMost(`${name}, unordered: time / the best schedule's`, ratios.unordered, 1.05),
  );
  times.push([
    name,
    ...[measured.serial, best, measured.ordered, measured.unordered, measured.tinypool].map(time =>
      figure(time),
    ),
  ]);
  overBest.push([name, ...Object.values(ratios).map(ratio => (Number.isNaN(ratio) ? '' : fraction(ratio)))]);
}

const tables: Table[] = [
  {
    caption: "Time / the best schedule's",
    head: ['slow ones', 'ordered', 'unordered', 'bare Tinypool', 'Python Pool.map'],
    rows: overBest,
  },
  {
    caption: 'Milliseconds',
    head: ['slow ones', 'serial', 'best schedule', 'ordered', 'unordered', 'bare Tinypool'],
    rows: times,
  },
];

await present({
  title: 'Skewed work',
  about: `${figure(length)} tasks of some 10 µs, one in a hundred of some 10 ms, ${workers} workers; median of ${rounds}, candidates in turn. The best schedule follows from the serial time: longest tasks first, each to the worker that is free first. Python's tasks are Python's, of about the same size, and its best schedule is measured likewise.`,
  verdicts,
  tables,
});
