import { of, take } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { emitRows } from '../../../lib/dispatch/emitRows.js';
import type { SettledBatch } from '../../../lib/dispatch/settledBatch.js';

/** A block of numbers that is worth to be freed. */
function blockOf(own: boolean): { block: SettledBatch; column: Float64Array } {
  const column = Float64Array.from({ length: 8_192 }, (_, i) => i);
  const packed = { length: column.length, shape: { kind: 'number' as const }, columns: [column], own };
  const block = { first: 0, count: column.length, inputs: column, offset: 0, rows: packed, failures: [] };
  return { block, column };
}

test('rows are emitted one by one, and none after the subscriber has left', () => {
  const { block } = blockOf(false);
  const seen: unknown[] = [];
  of(block, block)
    .pipe(emitRows(), take(3))
    .subscribe(row => seen.push(row));
  assert.equal(seen, [0, 1, 2]);
});

test('memory of its own is freed once its rows are emitted; what is shared is left', () => {
  for (const own of [true, false]) {
    const { block, column } = blockOf(own);
    let sum = 0;
    of(block)
      .pipe(emitRows<number>())
      .subscribe(row => {
        sum += row;
      });
    assert.is(sum, (8_192 * 8_191) / 2);
    assert.is(column.byteLength, own ? 0 : 65_536);
  }
});

test.run();
