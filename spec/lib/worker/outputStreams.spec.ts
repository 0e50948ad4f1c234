import { Writable } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { OutputStreams } from '../../../lib/worker/outputStreams.js';
import { timed, until } from '../../support/deadline.js';

const streams = suite('outputStreams');
const it = timed(streams);

it('streams are empty when everything that was printed has left them', async () => {
  const leaving: (() => void)[] = [];
  const make = () => new Writable({ write: (_chunk, _encoding, done) => void leaving.push(done) });
  const [out, err] = [make(), make()];
  const outputs = new OutputStreams([out, err]);
  assert.ok(outputs.areEmpty);
  err.write('text');
  assert.not(outputs.areEmpty);
  // A task may do so.
  err.write = () => assert.unreachable() as never;
  let isFlushed = false;
  const flushed = outputs.flush().then(() => {
    isFlushed = true;
  });
  for (let i = 0; i < 3; i++) {
    assert.not(isFlushed, `at ${i}`);
    await until(() => leaving.length > i);
    leaving[i]?.();
  }
  await flushed;
  assert.ok(outputs.areEmpty);
  assert.ok(new OutputStreams([]).areEmpty);
});

streams.run();
