import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { toBytes } from '../../../../../lib/executors/cluster/protocol/codec.js';
import { MessageError } from '../../../../../lib/executors/cluster/protocol/errors.js';
import {
  readCancelled,
  readChunk,
  readClientHeartbeat,
  readDefinition,
  readJob,
  readReports,
  readWorkerHeartbeat,
} from '../../../../../lib/executors/cluster/protocol/validate.js';

/** Returns an array that is said to be this long and holds nothing: a few bytes. */
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

test('rows that hold holes of their own, and rows of nothing, are read', () => {
  const row = hollow(1_000_000);
  assert.is(
    readChunk(toBytes({ inputs: { length: 1, shape: { kind: 'row' }, columns: [[row]] } })).inputs.length,
    1,
  );
  const nothing = { inputs: { length: 100_000, shape: { kind: 'tuple' }, columns: [] } };
  assert.is(readChunk(toBytes(nothing)).inputs.length, 100_000);
});

test('the functions of a message are read one by one, and a message without any has none', () => {
  const inputs = { length: 1, shape: { kind: 'number' }, columns: [Float64Array.of(1)] };
  const f = { kind: 'module', name: 'f', path: 'lib/f.js', hash: 'abc' };
  assert.equal(readChunk(toBytes({ inputs })).functions, []);
  assert.equal(readChunk(toBytes({ inputs, functions: [{ ...f, url: 'file:///f.js' }] })).functions, [f]);
  for (const functions of [5, [5], hollow(3), [{ ...f, path: 1 }]])
    rejects(() => readChunk(toBytes({ inputs, functions })));
});

test('args may be whatever array threads take', () => {
  const task = { kind: 'source', name: 'f', source: 'x => x' };
  const definition = (args: unknown) => toBytes({ task, args, spread: false, tag: {} });
  const found = /(\d)-(\d)/.exec('1-2');
  assert.equal(readDefinition(definition(found)).args, found);
  assert.is(readDefinition(definition(hollow(3))).args.length, 3);
  rejects(() => readDefinition(definition(hollow(LONGEST))));
});

const rows = { length: 2, shape: { kind: 'number' }, columns: [Float64Array.of(1, 2)] };
const report = { kind: 'report', count: 2, rows, failures: [], tag: {}, elapsed: 1 };
const record = { kind: 'record', keys: ['a', 'b', 'c'] };

test('a rejected message says which part of it is wrong, what was expected there and what came', () => {
  const client = '0123456789abcdef';
  const chunk = (inputs: unknown) => () => readChunk(toBytes({ inputs }));
  const reports = (...list: unknown[]) => {
    return () => readReports(toBytes({ from: 0, reports: list }));
  };
  const column = new Array(12).fill('x');
  const columns = [column, column, column.slice(1)];
  for (const [read, says] of [
    [() => readChunk(toBytes([])), 'chunk must be an object, got a list of 0'],
    [chunk('x'.repeat(100)), `chunk.inputs must be an object, got "${'x'.repeat(60)}…"`],
    [
      chunk({ length: 12, shape: record, columns }),
      'chunk.inputs.columns[2] must be a list of 12 values, got 11',
    ],
    [
      chunk({ length: 12, shape: record, columns: [column] }),
      'chunk.inputs.columns must be a list of 3, got a list of 1',
    ],
    [
      chunk({ length: 1, shape: { kind: 'record', keys: ['a', 'a'] }, columns: [[1], [2]] }),
      'chunk.inputs.shape.keys[1] must be a text of its own, not `__proto__`, got "a"',
    ],
    [chunk({ ...rows, length: -1 }), 'chunk.inputs.length must be a whole number from 0, got -1'],
    [
      chunk({ ...rows, length: 0, columns: [[]] }),
      'chunk.inputs.length must be a whole number from 1, got 0',
    ],
    [reports(report, { ...report, count: 5 }), 'reports[1].count must be 2, its rows and failures, got 5'],
    [
      reports({ ...report, count: 3, failures: [{ offset: 3 }] }),
      'reports[0].failures[0].offset must be a whole number from 0 and below 3, got 3',
    ],
    [
      () => readReports(toBytes({ from: 0, reports: [], end: { kind: new Map() } })),
      'reports.end.kind must be "done", "undefined", "expired", "lost", "notRunnable" or "refused", got a Map',
    ],
    [
      () => readDefinition(toBytes({ task: { kind: 'eval', name: 'f' }, args: [], tag: {} })),
      'definition.task.kind must be "source" or "module", got "eval"',
    ],
    [() => readJob({ client: '../x' }), 'job.client must be an id of 16 hexadecimal digits, got "../x"'],
    [() => readClientHeartbeat('{"last":'), 'clientHeartbeat must be JSON, got "{\\"last\\":"'],
    [
      () => readClientHeartbeat('{"last":1.5}'),
      'clientHeartbeat.last must be a whole number from 0, got 1.5',
    ],
    [() => readWorkerHeartbeat('{"threads":1,"place":2}'), 'workerHeartbeat.place must be a text, got 2'],
    [
      () => readCancelled(JSON.stringify({ client, chunks: { length: 1 } })),
      'cancelled.chunks must be a list without holes, got an object',
    ],
    [
      () => readCancelled(`"${'x'.repeat(2 ** 20)}"`),
      'cancelled must be JSON of at most 1048576 characters, got 1048578',
    ],
  ] as const)
    try {
      read();
      assert.unreachable(says);
    } catch (error) {
      assert.is((error as Error).message, says);
      assert.instance(error, MessageError);
      assert.is((error as MessageError).code, 'RX_PARFOR_MESSAGE');
    }
});

test('what a message does not have itself is not read from Object.prototype', () => {
  const prototype = Object.prototype as Record<string, unknown>;
  prototype.end = { kind: 'expired' };
  prototype.spread = true;
  prototype.taskTimeout = 'polluted';
  try {
    assert.is(readReports(toBytes({ from: 0, reports: [] })).end, undefined);
    const task = { kind: 'source', name: 'f', source: 'x => x' };
    const { spread, taskTimeout } = readDefinition(toBytes({ task, args: [], tag: {} }));
    assert.equal([spread, taskTimeout], [false, undefined]);
  } finally {
    for (const key of ['end', 'spread', 'taskTimeout']) delete prototype[key];
  }
});

test.run();
