import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { suite, type Test } from 'uvu';
import { sleep } from '../deadline.js';

/** Whether this machine has a `redis-server` (Debian: the package of that name). */
export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

// A run of the specs that is ended must not leave servers and workers behind: they end with `exit`.
for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => process.exit(code));

/** A Redis of a spec's own. */
export interface RedisServer {
  readonly port: number;
  readonly url: string;
  /** A client of the spec's own, to look and to disturb. */
  readonly redis: Redis;
  /** All keys, sorted. */
  keys(): Promise<string[]>;
  /** Ends the server, and starts it on what its append-only file says after so many ms. */
  restart(away: number, signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

/** Starts a server on a free port, with an append-only file in a folder of its own. */
export async function startRedis(): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-redis-'));
  const port = await freePort();
  let server: ChildProcess;
  const launch = async () => {
    server = spawn(
      'redis-server',
      ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
      { stdio: 'ignore' },
    );
    for (let tries = 0; ; tries++) {
      const probe = new Redis(port, '127.0.0.1', { lazyConnect: true, retryStrategy: () => null });
      probe.on('error', () => undefined);
      try {
        await probe.connect();
        await probe.ping();
        return;
      } catch (error) {
        if (tries === 100) throw error;
        await sleep(50);
      } finally {
        probe.disconnect();
      }
    }
  };
  const end = (signal: NodeJS.Signals) =>
    new Promise<void>(resolve => {
      if (server.exitCode !== null || server.signalCode !== null) return resolve();
      server.once('exit', () => resolve());
      server.kill(signal);
    });
  const last = () => server.kill('SIGKILL');
  process.once('exit', last);
  await launch();
  const redis = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    redis,
    keys: async () => (await redis.keys('*')).sort(),
    restart: async (away, signal = 'SIGTERM') => {
      await end(signal);
      await sleep(away);
      await launch();
    },
    stop: async () => {
      redis.disconnect();
      await end('SIGKILL');
      process.off('exit', last);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** All keys but those that BullMQ keeps of a queue for good, which are a handful and hold nothing of a run. */
export const leftovers = async (server: RedisServer): Promise<string[]> =>
  (await server.keys()).filter(key => !/^[^:]+:[^:]+:(meta|events|id|stalled-check|marker)$/.test(key));

/** A suite that needs a Redis; where there is none it says so under its name, and fails in CI. */
export function redisSuite(name: string): Test {
  const tests = suite(name);
  if (hasRedis()) return tests;
  const missing = suite(name);
  missing('needs a redis-server', () => {
    const how = `${name}: skipped, as there is no redis-server on this machine; apt-get install redis-server`;
    if (process.env.CI) throw new Error(how);
    console.log(how);
  });
  // The tests that follow are taken, and not run.
  const ignored = Object.assign(() => undefined, tests, { run: () => missing.run() });
  return ignored as unknown as Test;
}
