/** How much memory a long sweep holds, and how often what its tasks share is sent. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MessagePort } from 'node:worker_threads';
import { count, lastValueFrom, mergeMap, range } from 'rxjs';
import { parallelMap, threads } from '../index.js';
import { elapsed } from './interleaved.js';
import { bareTinypool } from './peers.js';
import type { Residence } from './residentMemory.js';
import { atMost, figure, present } from './section.js';
import { inFlight, quick, workers } from './settings.js';
import { pick } from './tasks.js';

const inputs = quick ? 1_000_000 : 20_000_000;
const peerInputs = quick ? 10_000 : 200_000;
const megabyte = 1e6;
const run = promisify(execFile);
const child = fileURLToPath(new URL('./residentMemory.js', import.meta.url));

const resident = async (candidate: string, length: number): Promise<Residence> =>
  JSON.parse((await run(process.execPath, [child, candidate, String(length)])).stdout) as Residence;

const ours = await resident('rx-parfor', inputs);
const peer = await resident('tinypool', peerInputs);

/** Bytes of array buffers in a message that are copied or moved: shared ones stay where they are. */
function bytesIn(value: unknown, seen = new Set<unknown>()): number {
  if (typeof value !== 'object' || value === null || seen.has(value)) return 0;
  seen.add(value);
  if (value instanceof ArrayBuffer) return value.byteLength;
  if (ArrayBuffer.isView(value)) return bytesIn(value.buffer, seen);
  return Object.values(value).reduce((sum: number, item) => sum + bytesIn(item, seen), 0);
}

/** Bytes of array buffers that this thread posts while `work` goes on. */
async function postedBytes(work: () => Promise<unknown>): Promise<number> {
  const original = MessagePort.prototype.postMessage;
  let bytes = 0;
  MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown, ...others: unknown[]) {
    bytes += bytesIn(message);
    return Reflect.apply(original, this, [message, ...others]) as undefined;
  };
  try {
    await work();
  } finally {
    MessagePort.prototype.postMessage = original;
  }
  return bytes;
}

const data = Float64Array.from({ length: 4_000_000 }, (_, i) => i);
const tasks = 1000;
const peerTasks = quick ? 10 : 50;
const pool = threads({ maxThreads: workers });
const tinypool = bareTinypool(workers);

const sweepOver = (length: number, args: [Float64Array]) =>
  lastValueFrom(range(0, length).pipe(parallelMap(pick, { args, executor: pool }), count()));
const drive = (length: number, data: Float64Array) =>
  lastValueFrom(
    range(0, length).pipe(
      mergeMap(i => tinypool.run('pick', { i, data }), inFlight),
      count(),
    ),
  );

// Threads start, the code is compiled.
await sweepOver(tasks, [new Float64Array(8)]);
await drive(peerTasks, new Float64Array(8));

let time = 0;
let peerTime = 0;
const without = await elapsed(() => sweepOver(tasks, [new Float64Array(8)]));
const bytes = await postedBytes(async () => {
  time = await elapsed(() => sweepOver(tasks, [data]));
});
const peerBytes = await postedBytes(async () => {
  peerTime = await elapsed(() => drive(peerTasks, data));
});

await present({
  title: 'Memory',
  about: `${figure(inputs)} inputs from a generator, in a process of its own, ${workers} workers; resident memory is looked at every 20 ms, and compared with what it was when the threads had run their first inputs. Then a typed array of ${figure(data.byteLength / megabyte)} MB that all tasks share; counted are the bytes of array buffers in all messages to workers.`,
  verdicts: [
    atMost(`resident memory grows, ${figure(inputs)} inputs`, ours.peak - ours.start, 100, ' MB'),
    atMost('32 MB in `args`: times that they are sent, per worker', bytes / data.byteLength / workers, 1.01),
  ],
  tables: [
    {
      caption: 'Resident memory, MB',
      head: ['', 'inputs', 'at the start', 'after a tenth', 'peak', 'growth', 'seconds'],
      rows: (
        [
          ['rx-parfor, `sweep(generator)`', inputs, ours],
          ['bare Tinypool, `from(generator)`', peerInputs, peer],
        ] as const
      ).map(([name, length, { start, tenth, peak, seconds }]) => [
        name,
        figure(length),
        figure(start),
        figure(tenth),
        figure(peak),
        figure(peak - start),
        figure(seconds),
      ]),
    },
    {
      caption: '32 MB for all tasks',
      head: ['', 'tasks', 'MB posted', 'ms', 'ms a task'],
      rows: [
        ['rx-parfor, in `args`', figure(tasks), figure(bytes / megabyte), figure(time), figure(time / tasks)],
        ['rx-parfor, 64 bytes in `args`', figure(tasks), '0', figure(without), figure(without / tasks)],
        [
          'bare Tinypool, in every task',
          figure(peerTasks),
          figure(peerBytes / megabyte),
          figure(peerTime),
          figure(peerTime / peerTasks),
        ],
      ],
    },
  ],
});
