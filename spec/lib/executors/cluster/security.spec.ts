import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, range, toArray } from 'rxjs';
import * as assert from 'uvu/assert';
import { bullmq } from '../../../../lib/executors/cluster/index.js';
import { parallelMap } from '../../../../operators/parallelMap.js';
import { square } from '../../../fixtures/tasks.js';
import { type RedisServer, redisSuite, startRedis } from '../../../support/cluster/redisServer.js';
import { joinedWorker, launchWorker } from '../../../support/cluster/workerProcess.js';
import { timed, within } from '../../../support/deadline.js';

const security = redisSuite('bullmq: TLS and passwords');
const it = timed(security);

let server: RedisServer;
let certificate: string;

security.before(async () => {
  server = await startRedis({ secured: true });
  certificate = join(server.folder, 'certificate.pem');
});
security.after(() => server.stop());

it('clients and workers reach a Redis that asks for TLS and a password', async () => {
  const worker = await joinedWorker(
    ['--queue', 'secured', '--redis', `rediss://:a%20secret@127.0.0.1:${server.port}`, '--root', '/'],
    { NODE_EXTRA_CA_CERTS: certificate },
  );
  await using executor = bullmq({
    queue: 'secured',
    root: '/',
    connection: {
      host: '127.0.0.1',
      port: server.port,
      password: 'a secret',
      tls: { ca: readFileSync(certificate) },
    },
  });
  const rows = await within(
    15,
    lastValueFrom(range(0, 20).pipe(parallelMap(square, { executor }), toArray())),
  );
  assert.equal(
    rows,
    Array.from({ length: 20 }, (_, x) => x * x),
  );
  await worker.kill();
});

it('a wrong password ends a worker with one line that does not show it', async () => {
  const wrong = launchWorker(
    ['--queue', 'secured', '--redis', `rediss://:not%20it@127.0.0.1:${server.port}`, '--root', '/'],
    { NODE_EXTRA_CA_CERTS: certificate },
  );
  const { code } = await within(30, wrong.ended);
  assert.is.not(code, 0);
  assert.is(wrong.stderr().trim().split('\n').length, 1, wrong.stderr());
  assert.not.match(wrong.stderr(), /not(%20| )it/);
});

security.run();
