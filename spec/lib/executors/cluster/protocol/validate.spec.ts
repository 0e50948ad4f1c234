import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { toBytes } from '../../../../../lib/executors/cluster/protocol/codec.js';
import { MessageError } from '../../../../../lib/executors/cluster/protocol/errors.js';
import {
  readChunk,
  readDefinition,
  readReports,
} from '../../../../../lib/executors/cluster/protocol/validate.js';

/** An array that is said to be this long and holds nothing: a few bytes. */
const hollow = (length: number): unknown[] => {
  const array: unknown[] = [];
  array.length = length;
  return array;
};
const LONGEST = 2 ** 32 - 1;
const rejects = (read: () => unknown, what?: string) =>
  assert.throws(read, (error: Error) => error instanceof MessageError, what);

test('a few bytes that tell of billions of inputs or reports are rejected, at once', () => {
  const shape = { kind: 'row' };
  for (const length of [40, LONGEST])
    rejects(() => readChunk(toBytes({ inputs: { length, shape, columns: [hollow(length)] } })));
  rejects(() => readChunk(toBytes({ inputs: { length: LONGEST, shape: { kind: 'tuple' }, columns: [] } })));
  rejects(() => readReports(toBytes({ from: 0, reports: hollow(LONGEST) })));
  const report = { kind: 'report', count: 1, elapsed: 1, tag: {} };
  const rows = { length: 0, shape, columns: [[]] };
  rejects(() => readReports(toBytes({ from: 0, reports: [{ ...report, rows, failures: hollow(LONGEST) }] })));
});

test('rows that hold holes of their own, and rows of nothing, are well', () => {
  const row = hollow(1_000_000);
  assert.is(
    readChunk(toBytes({ inputs: { length: 1, shape: { kind: 'row' }, columns: [[row]] } })).inputs.length,
    1,
  );
  const nothing = { inputs: { length: 100_000, shape: { kind: 'tuple' }, columns: [] } };
  assert.is(readChunk(toBytes(nothing)).inputs.length, 100_000);
});

test('args may be whatever array threads take', () => {
  const task = { kind: 'source', name: 'f', source: 'x => x' };
  const definition = (args: unknown) => toBytes({ task, args, spread: false, tag: {} });
  const found = /(\d)-(\d)/.exec('1-2');
  assert.equal(readDefinition(definition(found)).args, found);
  assert.is(readDefinition(definition(hollow(3))).args.length, 3);
  rejects(() => readDefinition(definition(hollow(LONGEST))));
});

test.run();
