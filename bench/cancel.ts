/** How long it takes to the next result after a run was unsubscribed. */
import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom, range } from 'rxjs';
import { Tinypool } from 'tinypool';
import { type Executor, parallelMap, sweep, threads } from '../index.js';
import { BareWorkers } from './bareWorkers.js';
import { interleavedSamples, median, warmUp } from './interleaved.js';
import { atMost, figure, fraction, present } from './section.js';
import { quick, workers } from './settings.js';
import { busy, endless } from './tasks.js';

const rounds = quick ? 3 : 15;

/** How long a run has been on when it is cancelled, in ms: chunks have their full size by then. */
const head = 60;

const double = (x: number): number => 2 * x;

function* naturals(): Generator<number> {
  for (let i = 0; ; i++) yield i;
}

const bare = new BareWorkers(1);
const probe = 100_000;
await bare.serial(busy, new Float64Array(1000), 1000);
const iterations = (probe * 1000) / ((await bare.serial(busy, new Float64Array(1000), probe)) * 1000);

const pool: Executor = threads({ maxThreads: workers });

/** Ms from unsubscribing from a run of tasks of so many µs to the first result of the next run on the same threads. */
const afterShortTasks = (microseconds: number) => async (): Promise<number> => {
  const args: [number] = [Math.round(microseconds * iterations)];
  const subscription = sweep(naturals())
    .pipe(parallelMap(busy, { args, executor: pool }))
    .subscribe();
  await delay(head);
  const since = performance.now();
  subscription.unsubscribe();
  await firstValueFrom(range(0, 100).pipe(parallelMap(double, { executor: pool })));
  return performance.now() - since;
};

const endlessPool: Executor = threads({ maxThreads: workers });

/** The same with tasks that never end. */
const afterEndless = async (): Promise<number> => {
  const subscription = range(0, 100)
    .pipe(parallelMap(endless, { executor: endlessPool }))
    .subscribe();
  await delay(head);
  const since = performance.now();
  subscription.unsubscribe();
  await firstValueFrom(range(0, 100).pipe(parallelMap(double, { executor: endlessPool })));
  return performance.now() - since;
};

const tinypool = new Tinypool({
  filename: new URL('./peerWorkers/tasksOfOneValue.js', import.meta.url).href,
  minThreads: workers,
  maxThreads: workers,
});

/** Tinypool's own way: an `AbortSignal` for each task, which ends the worker. */
const afterAbort = async (): Promise<number> => {
  const controllers = Array.from({ length: workers }, () => new AbortController());
  const runs = controllers.map(({ signal }) => tinypool.run(undefined, { name: 'endless', signal }));
  const settled = Promise.allSettled(runs);
  await delay(head);
  const since = performance.now();
  for (const controller of controllers) controller.abort();
  await tinypool.run(1, { name: 'powers' });
  const time = performance.now() - since;
  await settled;
  return time;
};

const candidates = {
  'tasks of 1 µs': afterShortTasks(1),
  'tasks of 100 µs': afterShortTasks(100),
  'tasks of 1 ms': afterShortTasks(1000),
  'endless tasks': afterEndless,
  "endless tasks, bare Tinypool's abort": afterAbort,
};
await warmUp(candidates);
const samples = await interleavedSamples(rounds, candidates);
const of = (name: keyof typeof candidates): number => median(samples[name]);

await present({
  title: 'Cancelling',
  about: `From unsubscribing to the first result of the next run on the same ${workers} threads; ${rounds} rounds, candidates in turn.`,
  verdicts: [
    atMost('next result after tasks of 1 µs', of('tasks of 1 µs'), 5, ' ms'),
    atMost('next result after tasks of 100 µs', of('tasks of 100 µs'), 5, ' ms'),
    atMost('next result after tasks of 1 ms', of('tasks of 1 ms'), 5, ' ms'),
    atMost(
      'next result after endless tasks, × bare Tinypool',
      of('endless tasks') / of("endless tasks, bare Tinypool's abort"),
      1.5,
    ),
  ],
  tables: [
    {
      caption: 'Milliseconds to the next result',
      head: ['', 'median', 'quickest', 'slowest', "× bare Tinypool's abort"],
      rows: Object.entries(samples).map(([name, times]) => [
        name,
        figure(median(times)),
        figure(Math.min(...times)),
        figure(Math.max(...times)),
        fraction(median(times) / of("endless tasks, bare Tinypool's abort")),
      ]),
    },
  ],
});
