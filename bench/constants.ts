/** What other values of the engine's constants would do. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { count, firstValueFrom, from, lastValueFrom, range } from 'rxjs';
import type * as library from '../index.js';
import { elapsed, interleaved, type Measure, warmUp } from './interleaved.js';
import { figure, fraction, present, type Table } from './section.js';
import { quick, workers } from './settings.js';
import { busy, costly, powers } from './tasks.js';

/** A constant, and values to try, the one in use among them. */
interface Constant {
  readonly name: string;
  readonly file: string;
  readonly values: readonly number[];
  /** Default: `measuresOfRuns`. */
  readonly measures?: (variant: typeof library) => Record<string, Measure>;
}

const constants: readonly Constant[] = [
  { name: 'TIME_SLICE_MS', file: 'lib/executor.js', values: [2, 4, 8, 16, 32] },
  { name: 'MAX_INPUTS', file: 'lib/executor.js', values: [1024, 4096, 16_384, 65_536] },
  { name: 'SLICE_TOLERANCE', file: 'lib/executors/pool/workerPool.js', values: [1, 1.25, 1.5] },
  { name: 'REPORT_EVERY_MS', file: 'lib/worker/runChunk.js', values: [1, 2, 4, 8] },
  { name: 'GROWTH', file: 'lib/dispatch/chunkSize.js', values: [2, 4, 8, 16] },
  { name: 'CHUNKS_PER_SHARE', file: 'lib/dispatch/chunkSize.js', values: [1, 2, 4] },
  { name: 'MIN_WORK_MS', file: 'lib/dispatch/chunkSize.js', values: [0.06, 0.25, 1] },
  { name: 'POLL_EVERY', file: 'lib/dispatch/dispatcher.js', values: [1024, 8192, 65_536, 2 ** 40] },
  { name: 'BLOCK_LENGTH', file: 'lib/dispatch/inputQueue.js', values: [2048, 16_384, 131_072] },
  { name: 'QUICK_TASKS_PER_LOOK', file: 'lib/worker/runChunk.js', values: [1, 4, 16, 64] },
  {
    name: 'MAX_COLUMNS',
    file: 'lib/serialization/rowShape.js',
    values: [8, 64, 512],
    measures: measuresOfValues('tuples of', [16, 48, 256], (_, n) =>
      Array.from({ length: n }, (_, i) => i / n),
    ),
  },
  {
    name: 'MIN_TRANSFERRED_BYTES',
    file: 'lib/serialization/buffers.js',
    values: [0, 4096, 65_536, 2 ** 40],
    measures: measuresOfValues('arrays of', [64, 4096, 65_536], (_, n) => ({ array: new Float64Array(n) })),
  },
  {
    name: 'MAX_LISTED_LENGTH',
    file: 'lib/serialization/longArrays.js',
    values: [0, 64, 2 ** 40],
    measures: measuresOfValues('lists of', [16, 256, 4096], (_, n) => ({
      list: Array.from({ length: n }, (_, i) => i / n),
    })),
  },
  { name: 'MIN_FREED_BYTES', file: 'lib/serialization/freeBuffers.js', values: [0, 32_768, 2 ** 40] },
];

const built = fileURLToPath(new URL('..', import.meta.url));
const variants = mkdtempSync(join(built, 'variants-'));
process.on('exit', () => rmSync(variants, { recursive: true, force: true }));

const declaration = (name: string): RegExp => new RegExp(`const ${name} = ([^;]+);`);

const valueInUse = ({ name, file }: Constant): number => {
  const [, value = ''] = declaration(name).exec(readFileSync(join(built, file), 'utf8')) ?? [];
  return Number(value.replaceAll('_', ''));
};

/** The library as it is built, but for one constant. */
async function variantOf({ name, file }: Constant, value: number): Promise<typeof library> {
  const folder = join(variants, `${name}-${value}`);
  for (const part of ['index.js', 'lib', 'operators'])
    cpSync(join(built, part), join(folder, part), { recursive: true });
  const path = join(folder, file);
  writeFileSync(path, readFileSync(path, 'utf8').replace(declaration(name), `const ${name} = ${value};`));
  return (await import(pathToFileURL(join(folder, 'index.js')).href)) as typeof library;
}

const rounds = quick ? 1 : 3;
const many = quick ? 100_000 : 1_000_000;
const work = quick ? 60_000 : 400_000;
const iterationsPerMicrosecond = 1000;

const skewed = (() => {
  let state = 1;
  return Array.from({ length: quick ? 500 : 3000 }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return 10 * iterationsPerMicrosecond * (state % 100 === 0 ? 1000 : 1);
  });
})();

/** Ms of rows that each hold so many numbers. */
function measuresOfValues(
  name: string,
  lengths: readonly number[],
  task: (x: number, length: number) => unknown,
) {
  return ({ parallelMap, threads }: typeof library): Record<string, Measure> => {
    const executor = threads({ maxThreads: workers });
    const measure =
      (length: number): Measure =>
      () => {
        const args: [number] = [length];
        const rows = Math.ceil((quick ? 2e5 : 2e6) / length);
        return elapsed(() =>
          lastValueFrom(range(0, rows).pipe(parallelMap(task, { args, executor }), count())),
        );
      };
    return Object.fromEntries(lengths.map(length => [`${name} ${figure(length, 6)}`, measure(length)]));
  };
}

/** What is measured of runs: ms, the less the better. */
function measuresOfRuns({ parallelMap, threads }: typeof library): Record<string, Measure> {
  const executor = threads({ maxThreads: workers });
  const tasksOf = (microseconds: number): Measure => {
    const args: [number] = [microseconds * iterationsPerMicrosecond];
    const length = Math.round(work / microseconds);
    return () =>
      elapsed(() => lastValueFrom(range(0, length).pipe(parallelMap(busy, { args, executor }), count())));
  };
  return {
    'quick tasks': () =>
      elapsed(() => lastValueFrom(range(0, many).pipe(parallelMap(powers, { executor }), count()))),
    '10 µs': tasksOf(10),
    '1 ms': tasksOf(1000),
    skewed: () => elapsed(() => lastValueFrom(from(skewed).pipe(parallelMap(costly, { executor }), count()))),
    'next result': async () => {
      const args: [number] = [100 * iterationsPerMicrosecond];
      const subscription = range(0, work).pipe(parallelMap(busy, { args, executor })).subscribe();
      await delay(40);
      return elapsed(() => {
        subscription.unsubscribe();
        return firstValueFrom(range(0, 100).pipe(parallelMap((x: number) => 2 * x, { executor })));
      });
    },
  };
}

async function tableOf(constant: Constant): Promise<Table> {
  const inUse = valueInUse(constant);
  const { measures = measuresOfRuns } = constant;
  const names: string[] = [];
  const candidates: Record<string, Measure> = {};
  for (const value of constant.values)
    for (const [name, measure] of Object.entries(measures(await variantOf(constant, value)))) {
      if (!names.includes(name)) names.push(name);
      candidates[`${name} ${value}`] = measure;
    }
  await warmUp(candidates);
  const times = await interleaved(rounds, candidates);
  const of = (name: string, value: number): number => times[`${name} ${value}`] as number;
  return {
    caption: `\`${constant.name}\` (${constant.file.replace(/js$/, 'ts')}), ${figure(inUse, 6)} in use`,
    head: ['', ...names],
    rows: constant.values.map(value => [
      value > 1e9 ? 'never' : value === inUse ? `**${figure(value, 6)}**` : figure(value, 6),
      ...names.map(name =>
        name === 'next result' ? figure(of(name, value)) : fraction(of(name, value) / of(name, inUse)),
      ),
    ]),
  };
}

const tables: Table[] = [];
for (const constant of constants) tables.push(await tableOf(constant));

await present({
  title: 'Constants',
  about: `The library as it is, but for one constant at a time: the time of ${figure(many)} quick tasks that return tuples, of ${work / 1000} ms of tasks of about 10 µs and of about 1 ms, and of skewed ones (one in a hundred takes a thousand times as long), each relative to that with the value in use; and the ms from unsubscribing from tasks of about 0.1 ms to the next result. ${workers} workers; median of ${rounds}, candidates in turn. Differences of a few per cent are noise.`,
  verdicts: [],
  tables,
});
