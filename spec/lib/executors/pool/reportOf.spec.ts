import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { reportOf } from '../../../../lib/executors/pool/reportOf.js';
import { rowReader } from '../../../../lib/serialization/columnBatch.js';
import { Encoder } from '../../../../lib/serialization/encode.js';
import { registerClass } from '../../../../lib/serialization/registerClass.js';
import { encodedRows } from '../../serialization/roundTrip.js';

/** A class whose instances can be sent, and not always be made again. */
class Picky {
  constructor(readonly value: number) {}
}
registerClass(Picky, {
  encode: ({ value }) => value,
  decode: value => {
    if (value < 0) throw new RangeError('negative');
    return new Picky(value);
  },
});

test('a row that cannot be made again is a failure in its place among the others', () => {
  // Of inputs 0 to 5 the third and the last threw.
  const encoder = new Encoder({ sharedMemory: true, transferMarked: true });
  const failures = [2, 5].map(offset => ({
    offset,
    cause: encoder.encodeThrown(new Error(`of ${offset}`)),
    untransferable: undefined,
    expired: false,
  }));
  const { message: rows } = encodedRows(
    [new Picky(0), new Picky(-1), new Picky(3), new Picky(-4)],
    'threads',
  );
  const report = reportOf({
    kind: 'report',
    count: 6,
    rows,
    failures,
    tag: encoder.tag,
    elapsed: 7,
    last: true,
  });
  assert.equal(
    report.failures.map(({ offset, cause, untransferable }) => [
      offset,
      (cause as Error | undefined)?.message ?? untransferable?.what,
    ]),
    [
      [1, 'result'],
      [2, 'of 2'],
      [4, 'result'],
      [5, 'of 5'],
    ],
  );
  assert.equal([report.count, report.elapsed, report.rows.length], [6, 7, 2]);
  assert.equal(
    Array.from({ length: 2 }, (_, i) => (rowReader(report.rows)(i) as Picky).value),
    [0, 3],
  );
});

test('the rows beside one that cannot be made again keep the identity of what they hold', () => {
  const twice = (value: number) => {
    const picky = new Picky(value);
    return { holder: { picky }, picky };
  };
  const { message: rows } = encodedRows([twice(0), twice(-1), twice(2), twice(3)], 'threads');
  const report = reportOf({
    kind: 'report',
    count: 4,
    rows,
    failures: [],
    tag: {},
    elapsed: 7,
    last: true,
  });
  assert.equal(
    report.failures.map(({ offset }) => offset),
    [1],
  );
  const read = rowReader(report.rows);
  for (const i of [0, 1, 2]) {
    const row = read(i) as { holder: { picky: unknown }; picky: unknown };
    assert.instance(row.picky, Picky);
    assert.is(row.holder.picky, row.picky);
  }
});

test.run();
