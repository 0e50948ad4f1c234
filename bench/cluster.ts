/** Measures what a trip to a worker of another process costs, and what tasks of each size make of it: `bullmq()` on one machine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { count, firstValueFrom, lastValueFrom, range } from 'rxjs';
import { type Executor, parallelMap, threads } from '../index.js';
import { bullmq } from '../lib/executors/cluster/index.js';
import { atLeast, atMost, figure, fraction, present, type Table } from './section.js';
import { quick, rounds, workers } from './settings.js';
import { busy } from './tasks.js';

const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-bench-'));
const port = 20_000 + (process.pid % 20_000);
const connection = { host: '127.0.0.1', port };
const children: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => process.exit(1));
const folderOfThis = dirname(fileURLToPath(import.meta.url));

const server = spawn('redis-server', [
  ...['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder],
]);
children.push(server);
for await (const line of server.stdout) if (/Ready to accept/.test(String(line))) break;

for (let i = 0; i < workers; i++) {
  const child = spawn(
    process.execPath,
    [
      join(folderOfThis, '../lib/executors/cluster/worker/workerProgram.js'),
      ...['--queue', 'bench', '--redis', `redis://127.0.0.1:${port}`, '--root', '/', '--threads', '1'],
      ...['--allow-inline', '--log', 'json'],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  children.push(child);
  await once(child.stdout, 'data');
  child.stdout.resume();
}

const cluster = bullmq({ queue: 'bench', connection });
const local = threads({ maxThreads: workers });
const redis = new Redis(connection);

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] as number;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await run();
  return performance.now() - since;
}

const sweep = (executor: Executor, length: number, iterations: number, chunk: number | 'auto' = 'auto') =>
  lastValueFrom(range(0, length).pipe(parallelMap(busy, { args: [iterations], executor, chunk }), count()));

/** Returns the iterations of a task of 1 µs, where nothing else runs: by the quickest of many. */
function calibrate(): number {
  let best = Infinity;
  for (let i = 0; i < 50; i++) {
    const since = performance.now();
    busy(i, 1_000_000);
    best = Math.min(best, performance.now() - since);
  }
  return 1_000 / best;
}

const perMicrosecond = calibrate();

/** Returns how much of the cores' time, and of all processor time, is useful with tasks of `size` µs. */
async function efficiencyOf(
  executor: Executor,
  size: number,
): Promise<{ efficiency: number; useful: number }> {
  const work = quick ? 300 : 2_000;
  const length = Math.round((work * workers * 1_000) / size);
  const iterations = Math.round(size * perMicrosecond);
  const times: number[] = [];
  const before = allProcessorTime();
  for (let i = 0; i < rounds; i++) times.push(await timed(() => sweep(executor, length, iterations)));
  const used = allProcessorTime() - before;
  const useful = (length * size) / 1_000;
  return { efficiency: useful / workers / median(times), useful: (useful * rounds) / used };
}

/** Returns the milliseconds of processor time that the client, Redis and the workers have used so far. */
function allProcessorTime(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000 + 1_000 * children.reduce((sum, { pid }) => sum + processorTime(pid), 0);
}

/** Returns the seconds of processor time that a process has used so far. */
function processorTime(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

// All that is compiled and connected once.
await sweep(cluster, 100_000, 1);
await sweep(local, 100_000, 1);

const sizes = quick ? [5, 20, 1_000] : [2, 5, 10, 20, 100, 1_000];
const points: { size: number; remote: number; local: number; useful: number }[] = [];
for (const size of sizes) {
  const remote = await efficiencyOf(cluster, size);
  const onThreads = await efficiencyOf(local, size);
  points.push({
    size,
    remote: remote.efficiency,
    local: onThreads.efficiency,
    useful: remote.useful,
  });
}

/** Returns the smallest size from which on at least half of the time is useful, between two points by a straight line. */
function metg(): number {
  let last: { size: number; remote: number } | undefined;
  for (const point of [...points].reverse()) {
    if (point.remote < 0.5)
      return last
        ? point.size + ((0.5 - point.remote) / (last.remote - point.remote)) * (last.size - point.size)
        : Infinity;
    last = point;
  }
  return sizes[0] as number;
}

const rows = quick ? 200_000 : 1_000_000;
const rowTimes: number[] = [];
for (let i = 0; i < rounds; i++) rowTimes.push(await timed(() => sweep(cluster, rows, 1)));

const warm: number[] = [];
const cold: number[] = [];
for (let i = 0; i < 4 * rounds; i++) {
  warm.push(
    await timed(() =>
      firstValueFrom(range(0, 100).pipe(parallelMap(busy, { args: [1], executor: cluster }))),
    ),
  );
  const fresh = bullmq({ queue: 'bench', connection });
  cold.push(
    await timed(() => firstValueFrom(range(0, 100).pipe(parallelMap(busy, { args: [1], executor: fresh })))),
  );
  await fresh.close();
}

// Chunks of one input that does nothing: all of it is the trip.
const chunks = quick ? 500 : 4_000;
const before = children.map(({ pid }) => processorTime(pid));
const ownBefore = process.cpuUsage();
const tripTime = await timed(() => sweep(cluster, chunks, 1, 1));
const own = process.cpuUsage(ownBefore);
const after = children.map(({ pid }) => processorTime(pid));
const used = after.map((time, i) => ((time - (before[i] as number)) * 1_000) / chunks);
const clientTime = (own.user + own.system) / 1_000 / chunks;
const redisTime = used[0] as number;
const workerTime = used.slice(1).reduce((sum, time) => sum + time, 0);
const ping = await timed(() => redis.ping());

// BullMQ alone, one worker that does nothing, for comparison.
const bare = new Queue('bare', { connection: redis });
const jobs = quick ? 500 : 4_000;
const bareTime = await timed(async () => {
  let done = 0;
  const all = new Promise<void>(resolve => {
    const worker = new Worker(
      'bare',
      async () => {
        if (++done === jobs) resolve();
      },
      { connection: new Redis({ ...connection, maxRetriesPerRequest: null }), concurrency: workers },
    );
    worker.on('error', () => undefined);
  });
  await bare.addBulk(
    Array.from({ length: jobs }, (_, i) => ({ name: 'job', data: i, opts: { removeOnComplete: true } })),
  );
  await all;
});

const threadsCarried = (load: number) => {
  // A chunk holds 100 ms, so a worker of one thread takes ten a second at most.
  const maxChunks = 1_000 / redisTime;
  return Math.floor((maxChunks / 10) * load);
};

const tables: Table[] = [
  {
    caption: 'Efficiency on the same two cores, which Redis, the client and the workers share',
    head: ['a task of', 'bullmq()', 'threads()', 'of threads’', 'useful of all processor time'],
    rows: points.map(({ size, remote, local, useful }) => [
      `${figure(size)} µs`,
      fraction(remote),
      fraction(local),
      fraction(remote / local),
      fraction(useful),
    ]),
  },
  {
    caption: 'A chunk of one trivial input',
    head: ['', 'ms'],
    rows: [
      ['from one to the next, two workers', figure(tripTime / chunks)],
      ['processor time of the client', figure(clientTime)],
      ['processor time of Redis', figure(redisTime)],
      ['processor time of a worker', figure(workerTime)],
      ['a PING', figure(ping)],
      ['a job of BullMQ alone, through addBulk', figure(bareTime / jobs)],
    ],
  },
  {
    caption: 'What one Redis carries, by its processor time alone',
    head: ['', ''],
    rows: [
      ['chunks per second', figure(1_000 / redisTime)],
      ['threads, with chunks of 100 ms, Redis at half load', figure(threadsCarried(0.5), 2)],
    ],
  },
];

for (const child of children.reverse()) {
  child.kill('SIGKILL');
  await once(child, 'exit');
}
rmSync(folder, { recursive: true, force: true });

const milli = points.find(({ size }) => size === 1_000) as (typeof points)[number];
await present({
  title: 'Cluster',
  about:
    'Two workers of one thread each, as processes of this machine, on BullMQ over a Redis beside them. Medians of several rounds; efficiency is useful processor time by time and core.',
  verdicts: [
    atLeast('efficiency at 1 ms a task', milli.remote, 0.85),
    atMost('METG(50%)', metg(), 20, ' µs'),
    atLeast('trivial rows per second', (rows / median(rowTimes)) * 1_000, 200_000),
    atMost('first result, warm', median(warm), 50, ' ms'),
    atMost('first result of a new client, warm workers', median(cold), 50, ' ms'),
  ],
  tables,
});
