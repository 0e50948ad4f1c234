import { concat, from, map, type Observable, of, range, tap, timer } from 'rxjs';
import * as assert from 'uvu/assert';
import { WorkerCrashError } from '../../../../lib/errors.js';
import type { Executor } from '../../../../lib/executor.js';
import { type BullmqOptions, bullmq, NoWorkersError } from '../../../../lib/executors/cluster/index.js';
import { parallelMap } from '../../../../operators/parallelMap.js';
import { parallelMapSettled } from '../../../../operators/parallelMapSettled.js';
import { errorOf, outcomeOf, rowsOf, upTo, warningsDuring } from '../../../contract/subject.js';
import { killFor, spin } from '../../../fixtures/faults.js';
import { mutter, observed, pause, square } from '../../../fixtures/tasks.js';
import { leftovers, type RedisServer, redisSuite, startRedis } from '../../../support/cluster/redisServer.js';
import { slowConnection } from '../../../support/cluster/slowConnection.js';
import { joinedWorker, launchWorker, type WorkerProcess } from '../../../support/cluster/workerProcess.js';
import { sleep, timed, until, within } from '../../../support/deadline.js';
import { start } from '../../../support/program.js';

const faults = redisSuite('bullmq: faults');
const timedTest = timed(faults);

let server: RedisServer;
let executors: Executor[] = [];
let workers: WorkerProcess[] = [];
let queues = 0;
let queue = '';

faults.before(async () => {
  server = await startRedis();
});
faults.after(() => server.stop());
faults.before.each(() => {
  queues += 1;
  queue = `faults-${queues}`;
});

/** Ends all executors and workers. */
async function endAll(): Promise<void> {
  const [open, running] = [executors, workers];
  executors = [];
  workers = [];
  for (const executor of open) await within(5, executor.close());
  for (const worker of running) {
    worker.process.kill('SIGCONT');
    worker.process.kill('SIGTERM');
  }
  const ended = Promise.all(running.map(({ ended }) => ended));
  await within(8, ended).finally(() => Promise.all(running.map(worker => worker.kill())));
}

/** Seconds after which every key has expired. */
const EXPIRY = 25;

/** Adds a test after which, with everybody gone, nothing is left in Redis: at once, or after so many seconds. */
function it(name: string, run: () => Promise<void>, seconds = 40, expiry = 2): void {
  timedTest(
    name,
    async () => {
      await run().finally(endAll);
      let left: string[] = [];
      for (let tries = 0; tries < 10 * expiry; tries++) {
        left = await leftovers(server);
        if (left.length === 0) return;
        await sleep(100);
      }
      throw new Error(`${left.length} keys are left: ${left.join(', ')}`);
    },
    seconds,
  );
}

/** Adds a test as `it` does, in which somebody is killed or cut off and leaves keys until they expire. */
const itExpiring = (name: string, run: () => Promise<void>, seconds?: number): void =>
  it(name, run, seconds, EXPIRY);

function connect(options: Partial<BullmqOptions> = {}): Executor {
  const executor = bullmq({ queue, connection: { url: server.url }, root: '/', ...options });
  executors.push(executor);
  return executor;
}

async function join(threads = 1): Promise<WorkerProcess> {
  const worker = await joinedWorker([
    ...['--queue', queue, '--redis', server.url, '--root', '/', '--threads', `${threads}`],
    ...['--grace', '500'],
  ]);
  workers.push(worker);
  return worker;
}

/** Starts a run: 10 ms for each of many inputs, all of them different. */
function sweepOf(executor: Executor, count = 300) {
  const inputs = upTo(count).map(i => 10 + i / 1e6);
  const outcome = outcomeOf<number>(from(inputs).pipe(parallelMap(pause, { executor })));
  const seen: number[] = [];
  const running: Observable<number> = from(inputs).pipe(parallelMap(pause, { executor }));
  const own = new Promise<void>((resolve, reject) =>
    running.subscribe({ next: row => seen.push(row), error: reject, complete: resolve }),
  );
  return {
    /** Resolves when some of the rows are there. */
    under: () => until(() => seen.length > 20, 20),
    seen,
    /** Resolves when all rows are there, each once, in order. */
    complete: async (seconds = 30) => {
      await within(seconds, own);
      assert.equal(seen, inputs);
      const { rows, error } = await within(seconds, outcome);
      assert.is(error, undefined);
      assert.equal(rows, inputs);
    },
  };
}

itExpiring('kill -9 of a worker in mid-chunk costs no row', async () => {
  const [first] = await Promise.all([join(), join()]);
  const sweep = sweepOf(connect());
  await sweep.under();
  await first.kill();
  await sweep.complete();
});

itExpiring('a worker frozen past its lock, then resumed, adds nothing to the rows', async () => {
  const [frozen] = await Promise.all([join(), join()]);
  const executor = connect();
  const sweep = sweepOf(executor, 600);
  await sweep.under();
  // So long that it has a chunk when it is stopped, and still when it goes on.
  const long = rowsOf(from([9_500, 9_501]).pipe(parallelMap(pause, { executor, chunk: 1 })));
  await sleep(1_000);
  frozen.process.kill('SIGSTOP');
  await sleep(6_500);
  frozen.process.kill('SIGCONT');
  await until(() => frozen.events('chunk').some(({ end }) => end === 'cancelled'), 5);
  await sweep.complete();
  assert.equal(await within(20, long), [9_500, 9_501]);
});

itExpiring('a run goes on when all workers are gone and others have come', async () => {
  const [first, second] = await Promise.all([join(), join()]);
  const sweep = sweepOf(connect());
  await sweep.under();
  await Promise.all([first.kill(), second.kill()]);
  await sleep(1_000);
  await Promise.all([join(), join()]);
  await sweep.complete();
});

itExpiring(
  'a run goes on when Redis was shut down or killed, and restarted',
  async () => {
    await Promise.all([join(), join()]);
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const sweep = sweepOf(connect());
      await sweep.under();
      await server.restart(500, signal);
      await sweep.complete();
    }
  },
  60,
);

itExpiring('a run goes on when connections were cut and paused', async () => {
  await Promise.all([join(), join()]);
  const sweep = sweepOf(connect());
  await sweep.under();
  for (let time = 0; time < 5; time++) {
    for (const type of ['normal', 'pubsub'])
      await server.redis.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
    await sleep(200);
  }
  await server.redis.call('CLIENT', 'PAUSE', '2000', 'ALL');
  await sweep.complete();
});

itExpiring('a client that is killed frees its workers within 10 s', async () => {
  const worker = await join(2);
  const client = start('clusterClient', [queue, server.url, '60000'], 60);
  await until(() => worker.events('join').length > 0 && client.process.exitCode === null, 5);
  await until(() => worker.stderr() === '', 1);
  // Both threads are busy for a minute each.
  await sleep(2_500);
  process.kill(client.pid, 'SIGKILL');
  const at = performance.now();
  const sweep = rowsOf(range(0, 40).pipe(parallelMap(square, { executor: connect() })));
  assert.equal(
    await within(12, sweep),
    upTo(40).map(x => x * x),
  );
  assert.ok(performance.now() - at < 10_000);
  assert.ok(worker.events('fault').some(({ message }) => /the client .* is gone/.test(String(message))));
});

it('reports that come twice count once', async () => {
  await join();
  const sweep = sweepOf(connect(), 150);
  const reader = server.redis.duplicate({ replyMapping: 'legacy' });
  const streams = () => reader.keys(`bull:${queue}:parfor:reports:*`);
  while ((await streams()).length === 0) await sleep(5);
  const [key] = (await streams()) as [string];
  const copies = new Set<string>();
  let over = false;
  // As a worker does whose connection breaks before Redis could answer.
  const copying = (async () => {
    for (let last = '0-0'; !over; ) {
      const found = await reader.xreadBuffer('BLOCK', 50, 'STREAMS', key, last);
      for (const [id, fields] of (found as [Buffer, [Buffer, Buffer[]][]][] | null)?.[0]?.[1] ?? []) {
        last = id.toString();
        if (copies.has(last) || fields[2]?.toString() !== 'reports') continue;
        copies.add(String(await reader.xadd(key, '*', ...fields)));
      }
    }
  })();
  await sweep.complete().finally(async () => {
    over = true;
    await copying;
    reader.disconnect();
  });
  assert.ok(copies.size > 20, `${copies.size} copies`);
});

it('two clients on one queue keep their rows apart', async () => {
  await join(2);
  const sweeps = [sweepOf(connect(), 150), sweepOf(connect(), 150)];
  for (const sweep of sweeps) await sweep.complete();
});

it('a worker that joins late takes its part, also of long tasks', async () => {
  await join();
  const executor = connect();
  const outcome = outcomeOf<Awaited<ReturnType<typeof observed>>>(
    from(new Array<number>(14).fill(700)).pipe(parallelMap(observed, { executor })),
  );
  await sleep(1_000);
  await join(2);
  const { rows, error } = await outcome;
  assert.is(error, undefined);
  assert.is(new Set(rows.map(({ where }) => where.split('/')[0])).size, 2);
  assert.is(executor.parallelism, 3);
  // While it has something to wait for, it also sees them go.
  const waiting = from([3_000]).pipe(parallelMap(pause, { executor })).subscribe();
  workers[1]!.process.kill('SIGTERM');
  await until(() => executor.parallelism === 1, 5);
  waiting.unsubscribe();
  await within(5, workers[1]!.ended);
});

it('a task longer than a lock runs once', async () => {
  const worker = await join();
  assert.equal(await rowsOf(from([6_500]).pipe(parallelMap(pause, { executor: connect() }))), [6_500]);
  await until(() => worker.events('chunk').length > 0);
  assert.equal([worker.events('chunk').length, worker.events('fault')], [1, []]);
});

it('a run that begins while the last one is removed from Redis is not lost', async () => {
  await join();
  await using slow = await slowConnection(server.port, 60);
  const executor = connect({ connection: { port: slow.port } });
  for (let i = 0; i < 12; i++) {
    const rows = rowsOf(from([i * 40]).pipe(parallelMap(pause, { executor })));
    assert.equal(await within(4, rows), [i * 40]);
  }
  await executor.close();
}, 60);

it('a worker forgets a run while nobody waits for it, and fetches it again', async () => {
  await join();
  const { redis } = server;
  await redis.config('SET', 'slowlog-log-slower-than', 0, 'slowlog-max-len', 10_000);
  const source = concat(of(2), timer(2_500).pipe(map(() => 3)));
  assert.equal(await rowsOf(source.pipe(parallelMap(square, { executor: connect() }))), [4, 9]);
  await redis.config('SET', 'slowlog-log-slower-than', -1);
  const commands = (await redis.slowlog('GET', 10_000)) as [number, number, number, string[]][];
  const fetched = commands.filter(
    ([, , , [name = '', key = '']]) => /^get$/i.test(name) && key.includes(`${queue}:parfor:run:`),
  );
  assert.is(fetched.length, 2);
});

itExpiring(
  'the next client removes the chunks of a client that was killed before any worker came',
  async () => {
    const client = start('clusterClient', [queue, server.url, '1'], 60);
    const waiting = () => server.redis.lrange(`bull:${queue}:wait`, 0, -1);
    while ((await waiting()).length === 0) await sleep(50);
    process.kill(client.pid, 'SIGKILL');
    const [left] = await waiting();
    const subscription = of(1)
      .pipe(parallelMap(square, { executor: connect() }))
      .subscribe({ error: () => undefined });
    const end = performance.now() + 20_000;
    while ((await waiting()).includes(left as string) && performance.now() < end) await sleep(100);
    assert.is((await waiting()).length, 1, 'its own');
    subscription.unsubscribe();
  },
);

itExpiring('a subscriber that keeps its thread busy for long is not told that nobody is there', async () => {
  await join();
  const [rows, warnings] = await warningsDuring('NoWorkersWarning', () =>
    rowsOf(
      range(0, 6).pipe(
        parallelMap(square, { executor: connect({ workerTimeout: 2_000 }), chunk: 1 }),
        tap(row => {
          if (row === 4) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_500);
        }),
      ),
    ),
  );
  assert.equal(rows, [0, 1, 4, 9, 16, 25]);
  assert.equal(warnings, []);
});

it('a worker whose task never returns leaves all the same when it is asked to', async () => {
  const worker = await join();
  const run = of(1)
    .pipe(parallelMap(spin, { executor: connect() }))
    .subscribe({ error: () => undefined });
  await sleep(1_000);
  worker.process.kill('SIGTERM');
  assert.equal(await within(5, worker.ended), { code: 0, signal: null });
  run.unsubscribe();
});

it('the log of a worker holds nothing that tasks print', async () => {
  const worker = await join();
  assert.equal(
    await rowsOf(range(0, 3).pipe(parallelMap(mutter, { executor: connect(), chunk: 1 }))),
    [0, 1, 2],
  );
  await until(() => worker.events('chunk').length === 3, 5);
  assert.match(worker.stderr(), /no newline/);
});

itExpiring(
  'a poison input that kills every worker it meets costs its own row',
  async () => {
    // As systemd would.
    let over = false;
    const supervise = async () => {
      while (!over) await (await join()).ended;
    };
    const supervised = [supervise(), supervise()];
    await until(() => workers.length === 2, 10);
    const rows = await rowsOf(
      range(0, 12).pipe(
        parallelMapSettled(killFor, {
          kwargs: { bad: 5, signal: 'SIGKILL' as const },
          chunk: 1,
          executor: connect(),
        }),
      ),
    );
    over = true;
    assert.equal(
      rows.map(row => (row.status === 'fulfilled' ? row.value : 'failed')),
      upTo(12).map(x => (x === 5 ? 'failed' : x)),
    );
    const [failed] = rows.filter(row => row.status === 'rejected');
    assert.instance(failed?.reason, WorkerCrashError);
    assert.match(failed?.reason.message ?? '', /input 5 .*the worker .* is gone/);
    for (const worker of workers) worker.process.kill('SIGTERM');
    await Promise.all(supervised);
  },
  60,
);

it('a worker that is asked to end hands back what it has, and leaves', async () => {
  const [leaving] = await Promise.all([join(), join()]);
  const sweep = sweepOf(connect());
  await sweep.under();
  const at = performance.now();
  leaving.process.kill('SIGTERM');
  assert.equal(await leaving.ended, { code: 0, signal: null });
  assert.ok(performance.now() - at < 3_000);
  assert.is(leaving.events('leave').length, 1);
  await sweep.complete();
});

it('unsubscribing cancels chunks that wait, that run, and that run for ever', async () => {
  const worker = await join(1);
  const executor = connect();
  const subscription = range(0, 10)
    .pipe(parallelMap(spin, { executor, concurrency: 3, chunk: 1 }))
    .subscribe();
  await sleep(1_000);
  subscription.unsubscribe();
  const at = performance.now();
  assert.equal(await rowsOf(range(0, 3).pipe(parallelMap(square, { executor }))), [0, 1, 4]);
  assert.ok(performance.now() - at < 1_500, 'the worker is free');
  assert.is(worker.events('chunk').filter(({ end }) => end === 'cancelled').length, 1);
});

it('a run without workers warns and says what to do, then ends with an error', async () => {
  const [error, warnings] = await warningsDuring('NoWorkersWarning', () =>
    errorOf<NoWorkersError>(
      range(0, 3).pipe(parallelMap(square, { executor: connect({ workerTimeout: 6_000 }) })),
    ),
  );
  assert.instance(error, NoWorkersError);
  assert.match(error.message, `npx rx-parfor-worker --queue ${queue} --redis redis://`);
  assert.is(warnings.length, 1);
  assert.match(warnings[0]?.message ?? '', `no worker is connected to the queue ${queue}`);
});

it('a run does not warn of missing workers where one comes in time', async () => {
  const [rows, warnings] = await warningsDuring('NoWorkersWarning', async () => {
    const rows = rowsOf(range(0, 3).pipe(parallelMap(square, { executor: connect() })));
    await sleep(500);
    await join();
    return rows;
  });
  assert.equal(rows, [0, 1, 4]);
  assert.equal(warnings, []);
});

it('without Redis the client says so, and the worker ends with one line', async () => {
  const nowhere = { url: 'redis://:secret@127.0.0.1:1' };
  const [error] = await warningsDuring('NoWorkersWarning', () =>
    errorOf(
      range(0, 3).pipe(
        parallelMap(square, { executor: connect({ connection: nowhere, workerTimeout: 1_000 }) }),
      ),
    ),
  );
  assert.instance(error, NoWorkersError);
  const worker = launchWorker(['--queue', queue, '--redis', nowhere.url]);
  assert.equal(await worker.ended, { code: 1, signal: null });
  assert.match(worker.stderr(), /^rx-parfor-worker: Redis at 127\.0\.0\.1:1 cannot be reached \(.*\n$/);
  assert.not.match(worker.stderr(), /secret/);
});

faults.run();
