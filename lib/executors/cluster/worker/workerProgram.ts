#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { type ClusterWorker, clusterWorker } from './clusterWorker.js';
import type { WorkerEvent } from './workerEvent.js';

const HELP = `rx-parfor-worker: runs the tasks of rx-parfor's bullmq() executor

  npx rx-parfor-worker --queue sweeps --redis redis://localhost:6379 --root . --threads 8

  --queue NAME      the queue to serve
  --redis URL       redis://user:password@host:port/db, or rediss:// for TLS (default: $REDIS_URL, or localhost)
  --prefix TEXT     what all keys in Redis begin with (default: bull)
  --root FOLDER     the project; modules inside it may be run, and no others (default: .)
  --threads N       (default: the physical cores that this process may use)
  --allow-inline    also runs functions that are shipped as source
  --grace MS        what SIGTERM leaves to chunks under way (default: 10000)
  --max-message N   the most bytes of one message (default: 67108864)
  --log json        one line of JSON for each join, chunk and fault; what tasks print goes to stderr
`;

/** Ends the program with one line. */
function fail(line: string): never {
  process.stderr.write(`rx-parfor-worker: ${line.split('\n')[0]}\n`);
  process.exit(1);
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        queue: { type: 'string' },
        redis: { type: 'string' },
        prefix: { type: 'string' },
        root: { type: 'string' },
        threads: { type: 'string' },
        'allow-inline': { type: 'boolean' },
        grace: { type: 'string' },
        'max-message': { type: 'string' },
        log: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    return fail(`${(error as Error).message} (--help lists the options)`);
  }
}

const given = readArguments();
if (given.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
if (!given.queue) fail('--queue is missing (--help lists the options)');
if (given.log !== undefined && given.log !== 'json') fail(`--log must be json, got ${given.log}`);

const number = (name: 'threads' | 'grace' | 'max-message') => {
  const text = given[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : fail(`--${name} must be a number, got ${text}`);
};

const writeLog = process.stdout.write.bind(process.stdout);
// What tasks print would end up within the lines of the log.
if (given.log === 'json') process.stdout.write = process.stderr.write.bind(process.stderr);

const live = given.log === undefined && process.stderr.isTTY === true;
const counts = { chunks: 0, inputs: 0, faults: 0 };
let worker: ClusterWorker | undefined;
let state = 'joins';

function draw(): void {
  const threads = worker ? `${worker.busy} of ${worker.threads} threads busy` : '';
  const line = [given.queue, state, threads, `${counts.chunks} chunks`, `${counts.inputs} inputs`];
  if (counts.faults) line.push(`${counts.faults} faults`);
  const text = line.filter(part => part !== '').join(' · ');
  // A line that is wrapped could not be written over; the last column stays free, as writing there wraps as well.
  process.stderr.write(`\r\u001b[2K${text.slice(0, Math.max(0, (process.stderr.columns || 80) - 1))}`);
}

function log(event: WorkerEvent): void {
  if (event.event === 'chunk') {
    counts.chunks += 1;
    counts.inputs += event.settled;
  }
  if (event.event === 'fault') counts.faults += 1;
  if (given.log === 'json') writeLog(`${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
  else if (event.event === 'fault')
    process.stderr.write(`${live ? '\r\u001b[2K' : ''}fault: ${event.message}\n`);
  else if (!live && event.event !== 'chunk')
    process.stderr.write(`${event.event}: ${event.queue}, ${event.threads} threads, ${event.address}\n`);
}

try {
  const url = given.redis ?? process.env.REDIS_URL;
  const threads = number('threads');
  const grace = number('grace');
  const maxMessage = number('max-message');
  worker = await clusterWorker({
    queue: given.queue as string,
    log,
    allowInline: given['allow-inline'] ?? false,
    ...(url !== undefined && { connection: { url } }),
    ...(given.prefix !== undefined && { prefix: given.prefix }),
    ...(given.root !== undefined && { root: given.root }),
    ...(threads !== undefined && { threads }),
    ...(grace !== undefined && { grace }),
    ...(maxMessage !== undefined && { maxMessage }),
  });
} catch (error) {
  fail((error as Error).message);
}

state = 'serves';
const timer = live ? setInterval(draw, 250) : undefined;
if (live) draw();

let leaving = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    // The second one does not wait.
    if (leaving) process.exit(130);
    leaving = true;
    state = 'leaves';
    worker?.close().then(() => {
      clearInterval(timer);
      if (live) process.stderr.write('\n');
      process.exit(0);
    });
  });
