import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Queue } from 'bullmq';
import { of, range } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotTransferableError, TaskNotFoundError } from '../../../../lib/errors.js';
import { clusterTaskOf } from '../../../../lib/executors/cluster/client/clusterTaskOf.js';
import {
  type BullmqOptions,
  bullmq,
  type ClusterWorkerOptions,
  clusterWorker,
  TaskRefusedError,
  type WorkerEvent,
} from '../../../../lib/executors/cluster/index.js';
import { Keys } from '../../../../lib/executors/cluster/redis/keys.js';
import { ModuleTasks } from '../../../../lib/executors/cluster/worker/moduleTasks.js';
import { task } from '../../../../lib/task/task.js';
import { parallelMap } from '../../../../operators/parallelMap.js';
import { errorOf, inFolder, rowsOf, warningsDuring } from '../../../contract/subject.js';
import { square } from '../../../fixtures/tasks.js';
import { type RedisServer, redisSuite, startRedis } from '../../../support/cluster/redisServer.js';
import { timed, until, within } from '../../../support/deadline.js';

const paths = suite('bullmq: paths of tasks');

paths('a task is sent as the path of its module from the root, with the hash of the module', () =>
  inFolder(async folder => {
    mkdirSync(join(folder, 'lib'));
    const file = join(folder, 'lib', 'model.js');
    writeFileSync(file, 'export const f = x => x;');
    const url = pathToFileURL(file).href;
    const sent = clusterTaskOf({ kind: 'module', name: 'f', url: `${url}?version=2` }, folder);
    assert.equal(sent, {
      kind: 'module',
      name: 'f',
      path: 'lib/model.js',
      hash: createHash('sha256').update('export const f = x => x;').digest('hex'),
    });
    assert.equal(new ModuleTasks(folder, { allowInline: false }).receive(sent), {
      kind: 'module',
      name: 'f',
      url,
    });
  }),
);

const hashIn = (sent: ReturnType<typeof clusterTaskOf>): string => (sent.kind === 'module' ? sent.hash : '');

paths('a task whose module lies outside the root is not sent', () =>
  inFolder(async folder => {
    for (const [url, says] of [
      [pathToFileURL(join(folder, '..', 'other.js')).href, /outside the project's root/],
      ['https://example.org/task.js', /no file: URL/],
      ['data:text/javascript,export const f = x => x', /no file: URL/],
      ['node:fs', /no file: URL/],
    ] as const)
      assert.throws(
        () => clusterTaskOf({ kind: 'module', name: 'f', url }, folder),
        (error: Error) => error instanceof TaskNotFoundError && says.test(error.message),
      );
  }),
);

paths('a worker refuses paths that lead out of its root', () =>
  inFolder(async folder => {
    const root = join(folder, 'root');
    mkdirSync(join(root, 'lib'), { recursive: true });
    writeFileSync(join(folder, 'secret.js'), '');
    symlinkSync(join(folder, 'secret.js'), join(root, 'link.js'));
    symlinkSync(folder, join(root, 'lib', 'up'));
    for (const path of [
      '',
      '.',
      '..',
      '../secret.js',
      'lib/../../secret.js',
      './lib/x.js',
      'lib//x.js',
      '/etc/passwd',
      join(folder, 'secret.js'),
      'link.js',
      'lib/up/secret.js',
      'file:///etc/passwd',
      'https://example.org/x.js',
      'data:text/javascript,0',
      'node:fs',
      'C:/x.js',
      'lib\\..\\..\\secret.js',
      'lib/x\0.js',
    ])
      assert.throws(
        () =>
          new ModuleTasks(root, { allowInline: true }).receive({ kind: 'module', name: 'f', path, hash: '' }),
        /only paths relative to --root are run/,
        path,
      );
  }),
);

paths('a worker refuses a module of another version, with both hashes', () =>
  inFolder(async root => {
    writeFileSync(join(root, 'model.js'), 'one');
    const url = pathToFileURL(join(root, 'model.js')).href;
    const sent = clusterTaskOf({ kind: 'module', name: 'f', url }, root);
    writeFileSync(join(root, 'model.js'), 'two');
    const here = clusterTaskOf({ kind: 'module', name: 'f', url }, root);
    assert.throws(
      () => new ModuleTasks(root, { allowInline: true }).receive(sent),
      (error: Error) => error.message.includes(hashIn(sent)) && error.message.includes(hashIn(here)),
    );
  }),
);

paths('a worker refuses a module that has changed since it was loaded, as threads keep it', () =>
  inFolder(async root => {
    writeFileSync(join(root, 'model.js'), 'one');
    const url = pathToFileURL(join(root, 'model.js')).href;
    const tasks = new ModuleTasks(root, { allowInline: false });
    const send = () => clusterTaskOf({ kind: 'module', name: 'f', url }, root);
    const [first, again] = [send(), send()];
    const running = tasks.receive(first);
    assert.equal(tasks.receive(again), running);
    tasks.confirm(running);
    writeFileSync(join(root, 'model.js'), 'twice');
    const second = send();
    for (const look of [() => tasks.receive(second), () => tasks.confirm(running)])
      assert.throws(
        look,
        (error: Error) =>
          /has changed .*restart the worker/.test(error.message) &&
          error.message.includes(hashIn(first)) &&
          error.message.includes(hashIn(second)),
      );
    assert.is(
      new ModuleTasks(root, { allowInline: false }).receive(second).kind,
      'module',
      'another worker runs it',
    );
    writeFileSync(join(root, 'model.js'), 'one');
    tasks.confirm(running);
  }),
);

paths('a worker refuses a module that is no file, and does not find one that is missing', () =>
  inFolder(async root => {
    mkdirSync(join(root, 'folder'));
    symlinkSync(join(root, 'later.js'), join(root, 'link.js'));
    const receive = (path: string) =>
      new ModuleTasks(root, { allowInline: false }).receive({ kind: 'module', name: 'f', path, hash: '' });
    assert.throws(() => receive('folder'), /is no file/);
    for (const path of ['nowhere.js', 'link.js'])
      assert.throws(
        () => receive(path),
        (error: Error) => error instanceof TaskNotFoundError && error.module.endsWith(path),
      );
  }),
);

paths('a worker runs functions that are shipped as source with --allow-inline only', () => {
  const sent = clusterTaskOf({ kind: 'source', name: 'f', source: 'x => x' }, '/');
  assert.throws(
    () => new ModuleTasks('/', { allowInline: false }).receive(sent),
    /--allow-inline.*task\(import\.meta/,
  );
  assert.is(new ModuleTasks('/', { allowInline: true }).receive(sent).kind, 'source');
});

paths.run();

const refusals = redisSuite('bullmq: refusals');
const it = timed(refusals);
let server: RedisServer;
let queues = 0;
refusals.before(async () => {
  server = await startRedis();
});
refusals.after(() => server.stop());

/** Starts a client and a worker in this process, on a queue of their own. */
async function pair(worker: Partial<ClusterWorkerOptions> = {}, client: Partial<BullmqOptions> = {}) {
  queues += 1;
  const shared = { queue: `refusals-${queues}`, connection: { url: server.url }, root: '/' };
  const events: WorkerEvent[] = [];
  const joined = await clusterWorker({ ...shared, threads: 1, log: event => events.push(event), ...worker });
  const executor = bullmq({ ...shared, ...client });
  const faults = () => events.flatMap(event => (event.event === 'fault' ? [event.message] : []));
  return {
    ...shared,
    executor,
    faults,
    [Symbol.asyncDispose]: async () => {
      await executor.close();
      await joined.close();
    },
  };
}

it('the refusal of a function that is shipped as source reaches the caller, who is told what to do', async () => {
  await using cluster = await pair();
  const { executor } = cluster;
  const error = await errorOf(range(0, 5).pipe(parallelMap(x => x + 1, { executor })));
  assert.instance(error, TaskRefusedError);
  assert.match(error.message, /--allow-inline/);
  assert.equal(await rowsOf(of(3).pipe(parallelMap(square, { executor }))), [9], 'the worker is well');
});

it('the refusal of another version reaches the caller with both hashes', async () => {
  await inFolder(async folder => {
    for (const [name, text] of [
      ['client', 'export const f = x => x;'],
      ['worker', 'export const f = x => x + 1;'],
    ] as const) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, 'model.mjs'), text);
    }
    await using cluster = await pair({ root: join(folder, 'worker') }, { root: join(folder, 'client') });
    const model = task({ url: pathToFileURL(join(folder, 'client', 'model.mjs')) }, 'f', (x: number) => x);
    const error = await errorOf(of(1).pipe(parallelMap(model, { executor: cluster.executor })));
    assert.instance(error, TaskRefusedError);
    assert.is(error.message.match(/[0-9a-f]{64}/g)?.length, 2);
  });
});

it('a task outside the root ends its run before it is sent', async () => {
  await using cluster = await pair({}, { root: join(process.cwd(), 'nowhere') });
  const error = await errorOf(of(1).pipe(parallelMap(square, { executor: cluster.executor })));
  assert.instance(error, TaskNotFoundError);
  assert.match(error.message, /set `root` of bullmq\(\)/);
});

it('the rules of a worker hold for functions in args, kwargs and inputs as for the task', async () => {
  await inFolder(async folder => {
    const [client, worker] = [join(folder, 'client'), join(folder, 'worker')];
    const write = (root: string, file: string, text: string) => {
      mkdirSync(root, { recursive: true });
      writeFileSync(join(root, file), text);
    };
    for (const root of [client, worker]) {
      write(root, 'apply.mjs', 'export const apply = (x, f) => f(x); export const call = f => f(3);');
      write(root, 'same.mjs', 'export const f = x => 2 * x;');
    }
    write(client, 'other.mjs', 'export const f = x => x;');
    write(worker, 'other.mjs', 'export const f = x => x + 1;');
    write(folder, 'outside.mjs', 'export const f = x => x;');
    const at = (root: string, file: string, name = 'f') =>
      task({ url: pathToFileURL(join(root, file)) }, name, (...all: unknown[]): unknown => all.length);
    const apply = at(client, 'apply.mjs', 'apply');
    const call = at(client, 'apply.mjs', 'call');
    await using cluster = await pair({ root: worker }, { root: client });
    const { executor } = cluster;
    const same = at(client, 'same.mjs');
    // The worker finds it in its own root.
    assert.equal(await rowsOf(of(3).pipe(parallelMap(apply, { args: [same], executor }))), [6]);
    assert.equal(await rowsOf(of(same).pipe(parallelMap(call, { executor }))), [6]);
    for (const [f, says] of [
      [at(client, 'other.mjs'), /other\.mjs is another one here/],
      [at(folder, 'outside.mjs'), /outside the project's root/],
    ] as const)
      for (const run of [
        of(3).pipe(parallelMap(apply, { args: [f], executor })),
        of(f).pipe(parallelMap(call, { executor })),
      ])
        assert.match((await errorOf(run)).message, says);
    assert.equal(await rowsOf(of(same).pipe(parallelMap(call, { executor }))), [6], 'the worker is well');
  });
});

it('malformed jobs and messages are rejected and logged, and touch nobody else', async () => {
  await using cluster = await pair();
  const { queue, executor } = cluster;
  const client = '0123456789abcdef';
  const keys = new Keys({ queue, prefix: 'bull' });
  const { redis } = server;
  const jobs = new Queue(queue, { connection: { port: server.port, host: '127.0.0.1' } });
  await redis.set(keys.client(client), '{"last":0,"open":[],"lastRun":0,"runs":[]}', 'PX', 20_000);
  await redis.set(keys.inputs(client, 7), 'not a message', 'PX', 20_000);
  await redis.set(keys.worker('x'), '{"threads":"many"', 'PX', 20_000);
  await redis.sadd(keys.workers, 'x');
  await jobs.add('chunk', { client: '../../etc', run: 1, chunk: 1 });
  await jobs.add('chunk', { client, run: 1, chunk: 7 });
  await redis.publish(keys.cancelled, '{"client":');
  await until(() => cluster.faults().length >= 3, 10);
  assert.ok(
    cluster.faults().some(message => /a job that is not one of bullmq\(\) was rejected/.test(message)),
  );
  assert.ok(cluster.faults().some(message => /rejected: it is none of rx-parfor/.test(message)));
  assert.ok(cluster.faults().some(message => /a message was rejected/.test(message)));
  assert.equal(await rowsOf(of(3).pipe(parallelMap(square, { executor }))), [9]);
  await jobs.close();
});

it('the refusal of a worker that has lost its root reaches the caller', async () => {
  await inFolder(async folder => {
    const root = join(folder, 'root');
    mkdirSync(root);
    writeFileSync(join(root, 'model.mjs'), 'export const f = x => x;');
    const model = task({ url: pathToFileURL(join(root, 'model.mjs')) }, 'f', (x: number) => x);
    await using cluster = await pair({ root }, { root });
    // Sent before it goes.
    const run = errorOf(of(1).pipe(parallelMap(model, { executor: cluster.executor })));
    rmSync(root, { recursive: true });
    const error = await within(5, run);
    assert.instance(error, TaskRefusedError);
    assert.match(error.message, /model\.mjs cannot be read \(ENOENT/);
  });
});

it('reports that are too large for the client are rejected, with their size', async () => {
  await using cluster = await pair({ allowInline: true }, { maxMessage: 20_000 });
  const [error, warnings] = await warningsDuring('RejectedMessageWarning', () =>
    errorOf(of(30_000).pipe(parallelMap(n => 'x'.repeat(n), { executor: cluster.executor }))),
  );
  assert.match(error.message, /were rejected: 30\d\d\d bytes long, more than the 20000 of a message/);
  assert.ok(warnings.length > 0);
});

it('an error names the input, the result or the arguments that are too large for a message', async () => {
  const small = { maxMessage: 20_000 };
  await using cluster = await pair({ ...small, allowInline: true }, small);
  const { executor } = cluster;
  const fill = (length: number) => 'x'.repeat(length);
  const input = await errorOf<NotTransferableError>(
    of('a', fill(30_000)).pipe(parallelMap((text: string) => text.length, { executor, chunk: 2 })),
  );
  assert.instance(input, NotTransferableError);
  assert.equal([input.what, input.index], ['input', 1]);
  assert.match(input.message, /maxMessage/);
  const result = await errorOf<NotTransferableError>(
    of(1, 30_000).pipe(parallelMap(fill, { executor, chunk: 2 })),
  );
  assert.instance(result, NotTransferableError);
  assert.equal([result.what, result.index], ['result', 1]);
  const shared = await errorOf<NotTransferableError>(
    of(1).pipe(parallelMap((_, text) => text.length, { executor, args: [fill(30_000)] })),
  );
  assert.is(shared.what, 'args');
  // Many that fit one by one go in several messages.
  const lengths = new Array<number>(40).fill(3_000);
  const rows = await rowsOf(of(...lengths).pipe(parallelMap(fill, { executor, chunk: 40 })));
  assert.is(rows.length, 40);
  const sent = await rowsOf(
    of(...rows).pipe(parallelMap((text: string) => text.length, { executor, chunk: 40 })),
  );
  assert.equal(sent, lengths);
});

it('clients and workers of different prefixes never meet', async () => {
  await using ours = await pair({ prefix: 'ours' }, { prefix: 'ours' });
  const theirs = bullmq({
    queue: ours.queue,
    connection: { url: server.url },
    root: '/',
    prefix: 'theirs',
    workerTimeout: 1_500,
  });
  const lonely = errorOf(of(1).pipe(parallelMap(square, { executor: theirs })));
  assert.equal(await rowsOf(of(3).pipe(parallelMap(square, { executor: ours.executor }))), [9]);
  assert.is((await within(10, lonely)).name, 'NoWorkersError');
  await theirs.close();
});

it('bullmq() and clusterWorker() name the option that is wrong', async () => {
  assert.throws(() => bullmq({} as BullmqOptions), /bullmq: `queue` must be given/);
  assert.throws(() => bullmq({ queue: 'a:b' }), /`queue` must be a name without `:`/);
  assert.throws(
    () => bullmq({ queue: 'a', workerTimeout: 0 }),
    /`workerTimeout` must be milliseconds above 0/,
  );
  assert.throws(() => bullmq({ queue: 'a', retries: 3 } as BullmqOptions), /there is no option `retries`/);
  for (const [wrong, says] of [
    [{ threads: 0 }, /clusterWorker: `threads` must be a whole number from 1/],
    [{ root: join(process.cwd(), 'nowhere') }, /clusterWorker: `root` must be a folder that exists/],
  ] as const)
    await clusterWorker({ queue: 'a', ...wrong }).then(
      () => assert.unreachable(),
      error => assert.match(error.message, says),
    );
});

refusals.run();
