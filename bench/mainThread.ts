/** What a chunk and a row cost the main thread, and whether that stays so from a thousand inputs to ten millions. */
import { count, from, lastValueFrom, type Observable, range } from 'rxjs';
import { Bench } from 'tinybench';
import { parallelMap, parfor, sweep, threads } from '../index.js';
import { instantExecutor } from './instantExecutor.js';
import { elapsed, interleaved, warmUp } from './interleaved.js';
import { mainThreadTimeOf } from './mainThreadTime.js';
import { atMost, figure, present, type Table, type Verdict } from './section.js';
import { quick, rounds, workers } from './settings.js';
import { powers } from './tasks.js';

const drain = (source: Observable<unknown>): Promise<number> => lastValueFrom(source.pipe(count()));

function* numbers(length: number): Generator<number> {
  for (let i = 0; i < length; i++) yield i;
}

function* strings(length: number): Generator<string> {
  for (let i = 0; i < length; i++) yield `input ${i}`;
}

/** The engine alone, without workers and messages: the same inputs in small chunks and in large ones. */
async function engineCosts(): Promise<{ table: Table; perChunk: number; perRow: number }> {
  const length = 65_536;
  const executor = instantExecutor(workers, 16_384);
  const small = 8;
  const bench = new Bench({ time: quick ? 50 : 500, warmupTime: quick ? 20 : 200 });
  const rows = (chunk: number) => () =>
    drain(range(0, length).pipe(parallelMap(powers, { executor, chunk })));
  const pulled = (chunk: number) => () =>
    drain(sweep(numbers(length)).pipe(parallelMap(powers, { executor, chunk })));
  const columns = (chunk: number) => () => drain(range(0, length).pipe(parfor(powers, { executor, chunk })));
  const cases = { 'rows, pushed': rows, 'rows, pulled': pulled, 'columns, pushed': columns };
  for (const [name, run] of Object.entries(cases))
    for (const chunk of [small, 16_384]) bench.add(`${name}, ${chunk}`, run(chunk));
  await bench.run();
  const nanoseconds = (name: string): number => {
    const result = bench.getTask(name)?.result;
    if (result?.state !== 'completed') throw new Error(`${name} was not measured`);
    return (result.latency.p50 * 1e6) / length;
  };
  const costOf = (name: string) => {
    const perRow = nanoseconds(`${name}, 16384`);
    return { name, perRow, perChunk: (nanoseconds(`${name}, ${small}`) - perRow) * small };
  };
  const costs = Object.keys(cases).map(costOf);
  return {
    ...costOf('rows, pushed'),
    table: {
      caption: 'The engine alone, on an executor that answers at once',
      head: ['', 'ns a row', 'µs a chunk'],
      rows: costs.map(({ name, perRow, perChunk }) => [name, figure(perRow), figure(perChunk / 1000)]),
    },
  };
}

/** What the main thread computes in real runs, messages to threads included. */
async function runCosts(): Promise<{ table: Table; perChunk: number; perRow: number }> {
  const executor = threads({ maxThreads: workers });
  const many = quick ? 100_000 : 1_000_000;
  const few = quick ? 1000 : 10_000;
  const cost = (length: number, run: () => Promise<unknown>) => async () =>
    ((await mainThreadTimeOf(run)) * 1e6) / length;
  const candidates = {
    'rows of three numbers': cost(many, () => drain(range(0, many).pipe(parallelMap(powers, { executor })))),
    'the same, pulled': cost(many, () => drain(sweep(numbers(many)).pipe(parallelMap(powers, { executor })))),
    'columns of three numbers': cost(many, () => drain(range(0, many).pipe(parfor(powers, { executor })))),
    'records with a string': cost(many, () =>
      drain(range(0, many).pipe(parallelMap((x: number) => ({ x, s: `a${x}` }), { executor }))),
    ),
    'chunks of one input': cost(few, () =>
      drain(range(0, few).pipe(parallelMap(powers, { executor, chunk: 1 }))),
    ),
  };
  await warmUp(candidates);
  const costs = await interleaved(rounds, candidates);
  return {
    perRow: costs['rows of three numbers'],
    perChunk: costs['chunks of one input'],
    table: {
      caption: "The main thread's time on a core in runs on threads",
      head: ['', 'ns an input', 'inputs/s at most'],
      rows: Object.entries(costs).map(([name, cost]) => [name, figure(cost), figure(1e9 / cost)]),
    },
  };
}

/** Time per input from a thousand inputs to ten millions. */
async function growth(): Promise<{ table: Table; verdicts: Verdict[] }> {
  const executor = threads({ maxThreads: workers });
  const sizes = quick ? [1e3, 1e4, 1e5] : [1e3, 1e4, 1e5, 1e6, 1e7];
  const [reference, last] = [1e5, sizes.at(-1) as number];
  const same = <T>(x: T): T => x;
  const sources: Record<string, (length: number) => Observable<unknown>> = {
    'numbers, pushed': length => range(0, length),
    'numbers, pulled': length => sweep(numbers(length)),
    'strings, pushed': length => from(strings(length)),
    'strings, pulled': length => sweep(strings(length)),
  };
  const times = new Map<string, number[]>(Object.keys(sources).map(name => [name, []]));
  for (const size of sizes) {
    const candidates = Object.fromEntries(
      Object.entries(sources).map(([name, source]) => [
        name,
        async () =>
          ((await elapsed(() => drain(source(size).pipe(parallelMap(same, { executor }))))) * 1e6) / size,
      ]),
    );
    if (size < 1e6) await warmUp(candidates);
    const medians = await interleaved(size < 1e6 ? 3 * rounds : size < 1e7 ? 3 : 1, candidates);
    for (const [name, time] of Object.entries(medians)) times.get(name)?.push(time);
  }
  return {
    verdicts: [...times].map(([name, perInput]) =>
      atMost(
        `time per input at ${figure(last)} inputs / at ${figure(reference)}, ${name}`,
        (perInput.at(-1) as number) / (perInput[sizes.indexOf(reference)] as number),
        2,
      ),
    ),
    table: {
      caption: 'Nanoseconds per input, by the number of inputs',
      head: ['', ...sizes.map(size => figure(size))],
      rows: [...times].map(([name, perInput]) => [name, ...perInput.map(time => figure(time))]),
    },
  };
}

const engine = await engineCosts();
const runs = await runCosts();
const { table, verdicts } = await growth();

await present({
  title: 'The main thread',
  about: `What the main thread does for each row and each chunk: ${figure(runs.perRow)} ns and ${figure(runs.perChunk / 1000)} µs, of which the engine without messages takes ${figure(engine.perRow)} ns and ${figure(engine.perChunk / 1000)} µs. ${workers} workers; median of ${rounds}, candidates in turn.`,
  verdicts,
  tables: [engine.table, runs.table, table],
});
