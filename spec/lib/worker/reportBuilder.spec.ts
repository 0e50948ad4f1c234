import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeThrown } from '../../../lib/serialization/decode.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';
import { transfer } from '../../../lib/serialization/transfer.js';
import { ReportBuilder } from '../../../lib/worker/reportBuilder.js';
import { decodedRows } from '../serialization/roundTrip.js';

const it = suite('reportBuilder');

const builderOf = (more: { sharedMemory?: boolean; literalArrays?: boolean } = {}) =>
  new ReportBuilder({
    capacity: 10,
    sharedMemory: true,
    functionsByReference: true,
    literalArrays: false,
    since: 100,
    ...more,
  });

it('a report has the rows and the failures of the inputs that have settled, by their place', () => {
  const builder = builderOf();
  builder.add(1);
  builder.fail(new RangeError('thrown'));
  builder.add(() => 1);
  builder.expire();
  builder.fail(new SerializationError('of a class that is not known', '.a'));
  builder.add('last');
  assert.is(builder.count, 6);
  const { report } = builder.build({ now: 107, last: true });
  assert.equal([report.count, report.elapsed, report.last], [6, 7, true]);
  assert.equal(decodedRows(report.rows), [1, 'last']);
  assert.equal(
    report.failures.map(({ offset, untransferable, expired }) => [offset, untransferable?.what, expired]),
    [
      [1, undefined, false],
      [2, 'result', false],
      [3, undefined, true],
      [4, 'input', false],
    ],
  );
  assert.is((decodeThrown(report.failures[0]?.cause, report.tag) as Error).message, 'thrown');
  assert.match(report.failures[1]?.untransferable?.why ?? '', /a function/);
  assert.equal(report.failures[3]?.untransferable, {
    what: 'input',
    path: '.a',
    why: 'of a class that is not known',
  });
});

it('memory is transferred to a thread, and copied to a process', () => {
  for (const sharedMemory of [true, false]) {
    const view = transfer(new Float64Array(2));
    const builder = builderOf({ sharedMemory });
    builder.add([1, view]);
    const { transferList } = builder.build({ now: 100, last: false });
    assert.is(transferList.includes(view.buffer), sharedMemory);
    assert.is(transferList.length, sharedMemory ? 2 : 0);
  }
});

it('a thrown value that cannot even be asked for its class is a failure like any other', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const builder = builderOf();
  builder.fail(proxy);
  const { report } = builder.build({ now: 100, last: true });
  assert.match((decodeThrown(report.failures[0]?.cause, report.tag) as Error).message, /the task threw/);
});

it.run();
