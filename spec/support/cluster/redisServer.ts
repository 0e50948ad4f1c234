import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { suite, type Test } from 'uvu';
import { sleep } from '../deadline.js';

/** Returns true if this machine has a `redis-server` (Debian: the package of that name). */
export const hasRedis = (): boolean => spawnSync('redis-server', ['--version']).status === 0;

// A run of the specs that is ended must not leave servers and workers behind: they end with `exit`.
for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)
  process.once(signal, () => process.exit(code));

/** A Redis server that a spec has for itself. */
export interface RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly url: string;
  /** A client of the spec's own, to look and to disturb. */
  readonly redis: Redis;
  /** Returns all keys, sorted. */
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

/** The arguments that make a Redis ask for TLS and a password, and the options that connect to it. */
interface Security {
  readonly args: readonly string[];
  readonly connection: { readonly password?: string; readonly tls?: { readonly ca: Buffer } };
}

/** Makes a certificate for the server, and chooses a password. */
function secure(folder: string, port: number): Security {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=localhost'],
    ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate],
  ]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr ?? made.error}`);
  return {
    args: [
      ...['--port', '0', '--tls-port', `${port}`, '--tls-auth-clients', 'no', '--requirepass', 'a secret'],
      ...['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate],
    ],
    connection: { password: 'a secret', tls: { ca: readFileSync(certificate) } },
  };
}

/**
 * Starts a server on a free port, with an append-only file in a folder of its own.
 * @param options `secured`: it asks for TLS and the password `a secret`; its certificate is `certificate.pem` in `folder`
 */
export async function startRedis({ secured = false } = {}): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-redis-'));
  const port = await freePort();
  const { args, connection } = secured
    ? secure(folder, port)
    : { args: ['--port', `${port}`], connection: {} };
  let server: ChildProcess;
  const launch = async () => {
    server = spawn(
      'redis-server',
      [...args, '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'yes'],
      { stdio: 'ignore' },
    );
    for (let tries = 0; ; tries++) {
      const probe = new Redis(port, '127.0.0.1', {
        ...connection,
        lazyConnect: true,
        retryStrategy: () => null,
      });
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
  const redis = new Redis(port, '127.0.0.1', { ...connection, maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  return {
    port,
    folder,
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

/** Returns all keys but those that BullMQ keeps of a queue for good, which are a handful and hold nothing of a run. */
export const leftovers = async (server: RedisServer): Promise<string[]> =>
  (await server.keys()).filter(key => !/^[^:]+:[^:]+:(meta|events|id|stalled-check|marker)$/.test(key));

/** Makes a suite that needs a Redis; where there is none it says so under its name, and fails in CI. */
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
