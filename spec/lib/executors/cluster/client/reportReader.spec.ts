import * as assert from 'uvu/assert';
import { ReportReader } from '../../../../../lib/executors/cluster/client/reportReader.js';
import { type RedisServer, redisSuite, startRedis } from '../../../../support/cluster/redisServer.js';
import { openStores, type Stores } from '../../../../support/cluster/stores.js';
import { timed, until, within } from '../../../../support/deadline.js';

const suite = redisSuite('ReportReader');
const it = timed(suite, 20);
let server: RedisServer;
suite.before(async () => {
  server = await startRedis();
});
suite.after(() => server.stop());

const client = '0123456789abcdef';

/** Starts a reader that notes what it hears; `ended` resolves when it has stopped. */
async function startReader({ chunks, heartbeats, redis }: Stores) {
  const heard: unknown[] = [];
  const errors: Error[] = [];
  const reader = new ReportReader(chunks, redis.duplicate(), client, {
    taken: (chunk, worker) => heard.push([chunk, worker]),
    reported: (chunk, reports) => heard.push([chunk, reports.toString()]),
    failed: error => errors.push(error),
  });
  await heartbeats.putClient(client, { lastChunk: 2, chunks: [1, 2], lastRun: 1, runs: [1] });
  return { reader, heard, errors, ended: reader.run() };
}

it('ReportReader hears what workers take and report, in order, and removes what was read', async () => {
  await using stores = openStores(server);
  const { heard, reader, errors, ended } = await startReader(stores);
  await stores.chunks.putInputs(client, 1, Buffer.from('inputs'));
  await stores.chunks.takeInputs(client, 1, 'worker', 100);
  await stores.chunks.addReports(client, 1, Buffer.from('some'));
  await until(() => heard.length === 2);
  await stores.chunks.addReports(client, 1, Buffer.from('the rest'));
  await until(() => heard.length === 3);
  assert.equal(heard, [
    [1, 'worker'],
    [1, 'some'],
    [1, 'the rest'],
  ]);
  for (let tries = 0; (await stores.redis.xlen(stores.keys.reports(client))) > 0; tries++)
    assert.ok(tries < 100, 'what was read is removed');
  reader.stop();
  await within(2, ended);
  assert.equal(errors, []);
});

it('ReportReader goes on after an error with what it has not read yet', async () => {
  await using stores = openStores(server);
  const { heard, reader, errors, ended } = await startReader(stores);
  await stores.chunks.addReports(client, 1, Buffer.from('one'));
  await until(() => heard.length === 1);
  const key = stores.keys.reports(client);
  await stores.redis.del(key);
  await stores.redis.set(key, 'no stream');
  await until(() => errors.length > 0, 10);
  await stores.redis.del(key);
  await stores.chunks.addReports(client, 2, Buffer.from('two'));
  await until(() => heard.length === 2);
  reader.stop();
  await within(2, ended);
  assert.equal(heard, [
    [1, 'one'],
    [2, 'two'],
  ]);
});

it('ReportReader that is stopped hears nothing more, and ends at once', async () => {
  await using stores = openStores(server);
  const { heard, reader, ended } = await startReader(stores);
  reader.stop();
  await within(1, ended);
  await stores.chunks.addReports(client, 1, Buffer.from('late'));
  assert.equal(heard, []);
});

suite.run();
