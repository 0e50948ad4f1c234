// The spectrum of the first example on three worker processes, as they could run on three hosts.
//
//   npm run build && node dist/examples/06-cluster.js
//
// It uses the Redis at REDIS_URL, or else starts a redis-server of its own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { linspace, parfor } from 'rx-parfor';
import { bullmq } from 'rx-parfor/bullmq';
import { lastValueFrom } from 'rxjs';
import { peaks } from './jaynes-cummings/peaks.js';
import { steadyState, vacuumRabi } from './jaynes-cummings/steadyState.js';

const require = createRequire(import.meta.url);
const manifest = require.resolve('rx-parfor/package.json');
const root = dirname(manifest);
const program = join(root, require(manifest).bin['rx-parfor-worker']);

const started: ChildProcess[] = [];
process.once('exit', () => {
  for (const child of started) child.kill();
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));
const folder = await mkdtemp(join(tmpdir(), 'rx-parfor-cluster-'));

async function startRedis(): Promise<string> {
  const port = 20_000 + (process.pid % 20_000);
  const options = ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder];
  const server = spawn('redis-server', options, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(server);
  for await (const line of server.stdout) if (/Ready to accept connections/.test(String(line))) break;
  return `redis://127.0.0.1:${port}`;
}

async function startWorker(url: string): Promise<void> {
  const options = ['--queue', 'spectrum', '--redis', url, '--root', root, '--threads', '1', '--log', 'json'];
  const child = spawn(process.execPath, [program, ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  started.unshift(child);
  // Its first line says that it has joined.
  await once(child.stdout, 'data');
  child.stdout.resume();
}

try {
  const url = process.env.REDIS_URL ?? (await startRedis());
  await Promise.all([startWorker(url), startWorker(url), startWorker(url)]);

  await using cluster = bullmq({ queue: 'spectrum', connection: { url }, root });
  const spectrum = await lastValueFrom(
    linspace(0.9, 1.1, 201).pipe(
      parfor(steadyState, { kwargs: vacuumRabi, executor: cluster, progress: true }),
    ),
  );
  const [low, high] = peaks(spectrum.drive_frequency, spectrum.photon_number, 2).map(peak => peak.x);
  console.log(`workers    ${cluster.parallelism}`);
  console.log(`splitting  ${(high! - low!).toFixed(4)}, 2g = ${(2 * vacuumRabi.coupling).toFixed(4)}`);
} finally {
  // Workers first: they take back what they have in Redis.
  for (const child of started) {
    child.kill();
    await once(child, 'exit');
  }
  await rm(folder, { recursive: true });
}
