/**
 * Checks what was read from Redis, field by field, before it is used: one function for each kind of message, and nothing
 * else. All of them throw a `MessageError`.
 */

import type { BatchColumn, BatchShape } from '../../../protocol/columnBatch.js';
import type { ColumnBatchMessage, FailureMessage, ReportMessage } from '../../../protocol/messages.js';
import { fromBytes } from './codec.js';
import { describeValue, Fields, isCount, isObject, reject } from './fields.js';
import type {
  Cancelled,
  ChunkEnd,
  ChunkPayload,
  ClientHeartbeat,
  ClusterFunction,
  ClusterTask,
  DefinitionPayload,
  JobData,
  ReportsPayload,
  WorkerHeartbeat,
} from './messages.js';

/** The most rows of a batch without columns, whose rows take no bytes. */
const MAX_EMPTY_ROWS = 2 ** 24;

/** The most characters of JSON that are parsed. */
const MAX_JSON_LENGTH = 2 ** 20;

export function readDefinition(bytes: Uint8Array): DefinitionPayload {
  const definition = new Fields('definition', fromBytes(bytes));
  const kwargs = definition.value('kwargs');
  if (kwargs !== undefined && !isObject(kwargs)) definition.reject('kwargs', 'an object, or left out');
  return {
    task: taskOf(definition.fields('task')),
    args: argsOf(definition, bytes.length),
    kwargs: kwargs as DefinitionPayload['kwargs'],
    spread: definition.flag('spread'),
    taskTimeout: definition.optionalNumber('taskTimeout'),
    tag: definition.tag('tag'),
    functions: functionsOf(definition),
  };
}

export function readChunk(bytes: Uint8Array): ChunkPayload {
  const chunk = new Fields('chunk', fromBytes(bytes));
  const inputs = batchOf(chunk.fields('inputs'), bytes.length);
  if (inputs.length === 0) reject('chunk.inputs.length', 'a whole number from 1', '0');
  return { inputs, functions: functionsOf(chunk) };
}

export function readReports(bytes: Uint8Array): ReportsPayload {
  const message = new Fields('reports', fromBytes(bytes));
  return {
    from: message.count('from'),
    reports: message
      .list('reports')
      .map((report, i) => reportOf(new Fields(`reports[${i}]`, report), bytes.length)),
    end: message.value('end') === undefined ? undefined : endOf(message.fields('end')),
  };
}

export function readJob(value: unknown): JobData {
  const job = new Fields('job', value);
  return { client: job.clientId('client'), run: job.count('run'), chunk: job.count('chunk') };
}

export function readClientHeartbeat(text: string): ClientHeartbeat {
  const heartbeat = fieldsOfJson('clientHeartbeat', text);
  return {
    lastChunk: heartbeat.count('last'),
    chunks: heartbeat.list('open').filter(isCount),
    lastRun: heartbeat.count('lastRun'),
    runs: heartbeat.list('runs').filter(isCount),
  };
}

export function readWorkerHeartbeat(text: string): WorkerHeartbeat {
  const heartbeat = fieldsOfJson('workerHeartbeat', text);
  return {
    threads: heartbeat.count('threads'),
    address: heartbeat.text('place'),
    count: heartbeat.count('beat'),
    chunks: heartbeat.list('held').filter(id => typeof id === 'string'),
  };
}

export function readCancelled(text: string): Cancelled {
  const cancelled = fieldsOfJson('cancelled', text);
  return {
    client: cancelled.clientId('client'),
    chunks: cancelled.list('chunks').filter(isCount),
    runs: cancelled.list('runs').filter(isCount),
  };
}

function fieldsOfJson(path: string, text: string): Fields {
  if (text.length > MAX_JSON_LENGTH)
    reject(path, `JSON of at most ${MAX_JSON_LENGTH} characters`, `${text.length}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    reject(path, 'JSON', describeValue(text));
  }
  return new Fields(path, value);
}

function taskOf(task: Fields): ClusterTask {
  const name = task.text('name');
  switch (task.value('kind')) {
    case 'source':
      return { kind: 'source', name, source: task.text('source') };
    case 'module':
      return functionOf(task);
    default:
      return task.reject('kind', '"source" or "module"');
  }
}

const functionOf = (reference: Fields): ClusterFunction => ({
  kind: 'module',
  name: reference.text('name'),
  path: reference.text('path'),
  hash: reference.text('hash'),
});

/** Returns the functions that values of a message hold. Of a message without the list they are none. */
const functionsOf = (message: Fields): ClusterFunction[] =>
  message.value('functions') === undefined
    ? []
    : message
        .list('functions')
        .map((value, i) => functionOf(new Fields(`${message.path}.functions[${i}]`, value)));

/** Returns `args`, which may have holes and properties of their own, as on threads. */
function argsOf(definition: Fields, size: number): unknown[] {
  const args = definition.value('args');
  return Array.isArray(args) && args.length <= size
    ? args
    : definition.reject('args', `a list of at most ${size}`);
}

function shapeOf(shape: Fields): BatchShape {
  const kind = shape.value('kind');
  if (kind === 'row' || kind === 'number' || kind === 'tuple') return { kind };
  if (kind !== 'record') return shape.reject('kind', '"row", "number", "tuple" or "record"');
  const keys = shape.list('keys');
  if (keys.length === 0) shape.reject('keys', 'a list of one or more');
  const names = new Set<string>();
  for (const [i, key] of keys.entries()) {
    if (typeof key !== 'string' || key === '__proto__' || names.has(key))
      return reject(`${shape.path}.keys[${i}]`, 'a text of its own, not `__proto__`', describeValue(key));
    names.add(key);
  }
  return { kind, keys: [...names] };
}

/** @param size bytes of the message: each value of a column takes one at least */
function batchOf(batch: Fields, size: number): ColumnBatchMessage {
  const length = batch.count('length');
  const shape = shapeOf(batch.fields('shape'));
  const columns = batch.list('columns');
  const width = widthOf(shape);
  if (width !== undefined && columns.length !== width) batch.reject('columns', `a list of ${width}`);
  const maxLength = columns.length === 0 ? MAX_EMPTY_ROWS : size;
  if (length > maxLength) batch.reject('length', `at most ${maxLength}`);
  for (const [i, column] of columns.entries()) checkColumn(column, length, `${batch.path}.columns`, i);
  const message = { length, shape, columns: columns as BatchColumn[] };
  return batch.value('tag') === undefined ? message : { ...message, tag: batch.tag('tag') };
}

/** Returns how many columns a shape has, `undefined` where that may be any number. */
function widthOf(shape: BatchShape): number | undefined {
  if (shape.kind === 'tuple') return undefined;
  return shape.kind === 'record' ? shape.keys.length : 1;
}

function checkColumn(column: unknown, length: number, path: string, index: number): void {
  const expected = `a list of ${length} values`;
  if (!(column instanceof Float64Array || Array.isArray(column)))
    reject(`${path}[${index}]`, expected, describeValue(column));
  if (column.length !== length) reject(`${path}[${index}]`, expected, `${column.length}`);
  if (column instanceof Float64Array) return;
  for (let i = 0; i < length; i++)
    if (!(i in column)) reject(`${path}[${index}]`, `${expected} without holes`, `a hole at ${i}`);
}

function reportOf(report: Fields, size: number): ReportMessage {
  const rows = batchOf(report.fields('rows'), size);
  const count = report.count('count');
  const list = report.list('failures');
  if (rows.length + list.length !== count)
    report.reject('count', `${rows.length + list.length}, its rows and failures`);
  let from = 0;
  const failures = list.map((value, i) => {
    const failure = failureOf(new Fields(`${report.path}.failures[${i}]`, value), from, count);
    from = failure.offset + 1;
    return failure;
  });
  return {
    kind: 'report',
    count,
    rows,
    failures,
    tag: report.tag('tag'),
    elapsed: Math.max(0, report.optionalNumber('elapsed') ?? 0),
    last: false,
  };
}

/** Reads a failure of one of the inputs that follow the last failure. */
function failureOf(failure: Fields, from: number, count: number): FailureMessage {
  const offset = failure.count('offset');
  if (offset < from || offset >= count)
    failure.reject('offset', `a whole number from ${from} and below ${count}`);
  if (failure.value('untransferable') === undefined)
    return {
      offset,
      cause: failure.value('cause'),
      untransferable: undefined,
      expired: failure.flag('expired'),
    };
  const untransferable = failure.fields('untransferable');
  const what = untransferable.value('what');
  if (what !== 'input' && what !== 'result') return untransferable.reject('what', '"input" or "result"');
  return {
    offset,
    cause: undefined,
    expired: false,
    untransferable: { what, path: untransferable.text('path'), why: untransferable.text('why') },
  };
}

function endOf(end: Fields): ChunkEnd {
  const kind = end.value('kind');
  switch (kind) {
    case 'done':
    case 'definition missing':
    case 'expired':
      return { kind };
    case 'refused':
      return { kind, why: end.text('why') };
    case 'notRunnable':
      return { kind, error: end.value('error'), tag: end.tag('tag') };
    case 'lost':
      return {
        kind,
        exitCode: end.optionalNumber('exitCode'),
        reason: end.text('reason'),
        startup: end.flag('startup'),
        cause: end.value('cause'),
        tag: end.tag('tag'),
      };
    default:
      return end.reject('kind', '"done", "undefined", "expired", "lost", "notRunnable" or "refused"');
  }
}
