import type { BatchColumn, BatchShape } from '../../../protocol/columnBatch.js';
import type { ColumnBatchMessage, ReportMessage } from '../../../protocol/messages.js';
import { fromBytes } from './codec.js';
import { MessageError } from './errors.js';

/** How a worker of another host finds the task. */
export type ClusterTask =
  | { readonly kind: 'source'; readonly name: string; readonly source: string }
  | {
      readonly kind: 'module';
      readonly name: string;
      /** Relative to the project's root, with slashes. */
      readonly path: string;
      /** SHA-256 of the module's file, `''` where the sender has none. */
      readonly hash: string;
    };

/** What the chunks of a run share. */
export interface DefinitionPayload {
  readonly task: ClusterTask;
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  readonly taskTimeout: number | undefined;
  /** Marks what was encoded in `args` and `kwargs`. */
  readonly tag: object;
}

/** The inputs of a chunk. */
export interface ChunkPayload {
  readonly inputs: ColumnBatchMessage;
}

/** How a chunk ended on its worker. */
export type ChunkEnd =
  /** The worker is free again. */
  | { readonly kind: 'done' }
  /** The worker has not found the run's definition. */
  | { readonly kind: 'undefined' }
  /** A task passed its time. */
  | { readonly kind: 'expired' }
  /** The thread died. */
  | {
      readonly kind: 'lost';
      readonly exitCode: number | undefined;
      readonly reason: string;
      readonly startup: boolean;
      readonly cause: unknown;
      readonly tag: object;
    }
  | { readonly kind: 'notRunnable'; readonly error: unknown; readonly tag: object }
  | { readonly kind: 'refused'; readonly why: string };

/** What a worker says of a chunk. */
export interface ReportsPayload {
  /** How many inputs of the chunk were reported before. */
  readonly from: number;
  readonly reports: readonly ReportMessage[];
  readonly end?: ChunkEnd;
}

/** A job's data in BullMQ: names only. */
export interface JobData {
  readonly client: string;
  readonly run: number;
  readonly chunk: number;
}

/** A client's sign of life. */
export interface ClientBeat {
  /** The last chunk that was sent. */
  readonly last: number;
  /** The chunks that are waited for. */
  readonly open: readonly number[];
  /** The last run that was sent. */
  readonly lastRun: number;
  /** The runs that are under way. */
  readonly runs: readonly number[];
}

/** A worker's sign of life. */
export interface WorkerBeat {
  readonly threads: number;
  /** Host and process id. */
  readonly place: string;
  /** Counts the signs. */
  readonly beat: number;
  /** The chunks that it has, as `client-chunk`. */
  readonly held: readonly string[];
}

/** What clients tell all workers: chunks and runs that nobody waits for any more. */
export interface Cancelled {
  readonly client: string;
  readonly chunks: readonly number[];
  readonly runs: readonly number[];
}

type Fields = Record<string, unknown>;

const fail = (what: string): never => {
  throw new MessageError(`${what} is not what it should be`);
};
const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown, what: string): Fields => (isObject(value) ? value : fail(what));
const text = (value: unknown, what: string): string => (typeof value === 'string' ? value : fail(what));
const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const count = (value: unknown, what: string): number => (isCount(value) ? value : fail(what));
const isId = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
const optionalNumber = (value: unknown, what: string): number | undefined =>
  value === undefined || (typeof value === 'number' && Number.isFinite(value)) ? value : fail(what);
/** Without holes: a few bytes can tell of billions of those. */
const list = (value: unknown, what: string): unknown[] =>
  Array.isArray(value) && Object.keys(value).length === value.length ? value : fail(what);
const tagOf = (value: unknown): object => (isObject(value) ? value : fail('a mark'));

function shapeOf(value: unknown): BatchShape {
  const { kind, keys } = fieldsOf(value, 'the shape');
  if (kind === 'row' || kind === 'number' || kind === 'tuple') return { kind };
  if (kind !== 'record') return fail('the shape');
  const names = list(keys, 'the keys').map(key => text(key, 'a key'));
  if (names.includes('__proto__') || new Set(names).size !== names.length) fail('a key');
  return { kind, keys: names };
}

/** Rows without a column take no bytes each: so many are enough. */
const MOST_EMPTY_ROWS = 2 ** 24;

/** @param size bytes of the message: each value of a column takes one at least */
function packedOf(value: unknown, size: number): ColumnBatchMessage {
  const fields = fieldsOf(value, 'the packed rows');
  const length = count(fields.length, 'their length');
  const shape = shapeOf(fields.shape);
  const columns = list(fields.columns, 'the columns');
  if (length > (columns.length === 0 ? MOST_EMPTY_ROWS : size)) fail('their length');
  if (
    columns.length === 0
      ? shape.kind !== 'tuple'
      : shape.kind === 'record' && columns.length !== shape.keys.length
  )
    fail('the columns');
  if ((shape.kind === 'row' || shape.kind === 'number') && columns.length !== 1) fail('the columns');
  for (const column of columns) {
    if (!(column instanceof Float64Array || Array.isArray(column)) || column.length !== length)
      fail('a column');
    else if (Array.isArray(column)) for (let i = 0; i < length; i++) if (!(i in column)) fail('a column');
  }
  const packed = { length, shape, columns: columns as BatchColumn[] };
  return fields.tag === undefined ? packed : { ...packed, tag: tagOf(fields.tag) };
}

function reportOf(value: unknown, size: number): ReportMessage {
  const fields = fieldsOf(value, 'a report');
  const rows = packedOf(fields.rows, size);
  const failures = list(fields.failures, 'the failures').map(failure => {
    const { offset, cause, untransferable, expired } = fieldsOf(failure, 'a failure');
    if (untransferable === undefined)
      return { offset: count(offset, 'a failure'), cause, untransferable, expired: expired === true };
    const { what, path, why } = fieldsOf(untransferable, 'a failure');
    if (what !== 'input' && what !== 'result') return fail('a failure');
    return {
      offset: count(offset, 'a failure'),
      cause: undefined,
      expired: false,
      untransferable: {
        what: what as 'input' | 'result',
        path: text(path, 'a path'),
        why: text(why, 'a reason'),
      },
    };
  });
  const settled = count(fields.count, 'a count');
  let last = -1;
  for (const { offset } of failures) {
    if (offset <= last || offset >= settled) fail('a failure');
    last = offset;
  }
  if (rows.length + failures.length !== settled) fail('a count');
  return {
    kind: 'report',
    count: settled,
    rows,
    failures,
    tag: tagOf(fields.tag),
    elapsed: Math.max(0, optionalNumber(fields.elapsed, 'a time') ?? 0),
    last: false,
  };
}

function endOf(value: unknown): ChunkEnd {
  const fields = fieldsOf(value, 'the end');
  switch (fields.kind) {
    case 'done':
    case 'undefined':
    case 'expired':
      return { kind: fields.kind };
    case 'refused':
      return { kind: 'refused', why: text(fields.why, 'a reason') };
    case 'notRunnable':
      return { kind: 'notRunnable', error: fields.error, tag: tagOf(fields.tag) };
    case 'lost':
      return {
        kind: 'lost',
        exitCode: optionalNumber(fields.exitCode, 'an exit code'),
        reason: text(fields.reason, 'a reason'),
        startup: fields.startup === true,
        cause: fields.cause,
        tag: tagOf(fields.tag),
      };
    default:
      return fail('the end');
  }
}

/** They may have holes, and properties of their own, as on threads. */
const argsOf = (value: unknown, size: number): unknown[] =>
  Array.isArray(value) && value.length <= size ? value : fail('args');

/** @throws MessageError, as all below */
export function readDefinition(bytes: Uint8Array): DefinitionPayload {
  const fields = fieldsOf(fromBytes(bytes), 'the definition');
  const task = fieldsOf(fields.task, 'the task');
  const name = text(task.name, 'the name of the task');
  const { kwargs } = fields;
  if (kwargs !== undefined && !isObject(kwargs)) fail('kwargs');
  if (task.kind !== 'source' && task.kind !== 'module') fail('the task');
  return {
    task:
      task.kind === 'source'
        ? { kind: 'source', name, source: text(task.source, 'the source') }
        : {
            kind: 'module',
            name,
            path: text(task.path, 'the path of the task'),
            hash: text(task.hash, 'the hash of the task'),
          },
    args: argsOf(fields.args, bytes.length),
    kwargs: kwargs as Fields | undefined,
    spread: fields.spread === true,
    taskTimeout: optionalNumber(fields.taskTimeout, 'taskTimeout'),
    tag: tagOf(fields.tag),
  };
}

export function readChunk(bytes: Uint8Array): ChunkPayload {
  const { inputs } = fieldsOf(fromBytes(bytes), 'the chunk');
  const packed = packedOf(inputs, bytes.length);
  if (packed.length === 0) fail('the chunk');
  return { inputs: packed };
}

export function readReports(bytes: Uint8Array): ReportsPayload {
  const fields = fieldsOf(fromBytes(bytes), 'the reports');
  const payload = {
    from: count(fields.from, 'the place of the reports'),
    reports: list(fields.reports, 'the reports').map(report => reportOf(report, bytes.length)),
  };
  return fields.end === undefined ? payload : { ...payload, end: endOf(fields.end) };
}

export function readJob(value: unknown): JobData {
  const { client, run, chunk } = fieldsOf(value, 'the job');
  if (!isId(client)) return fail('the client of the job');
  return { client, run: count(run, 'the run of the job'), chunk: count(chunk, 'the chunk of the job') };
}

/** The longest JSON that is read. */
const MOST_TEXT = 2 ** 20;

function json(value: string, what: string): Fields {
  if (value.length > MOST_TEXT) fail(what);
  try {
    return fieldsOf(JSON.parse(value), what);
  } catch {
    return fail(what);
  }
}

export function readClientBeat(value: string): ClientBeat {
  const { last, open, lastRun, runs } = json(value, "a client's sign of life");
  return {
    last: count(last, 'the last chunk'),
    open: list(open, 'the open chunks').filter(isCount),
    lastRun: count(lastRun, 'the last run'),
    runs: list(runs, 'the runs').filter(isCount),
  };
}

export function readWorkerBeat(value: string): WorkerBeat {
  const { threads, place, beat, held } = json(value, "a worker's sign of life");
  return {
    threads: count(threads, 'the number of threads'),
    place: text(place, 'the place'),
    beat: count(beat, 'the beat'),
    held: list(held, 'the chunks held').filter(id => typeof id === 'string'),
  };
}

export function readCancelled(value: string): Cancelled {
  const { client, chunks, runs } = json(value, 'a cancellation');
  if (!isId(client)) return fail('the client of a cancellation');
  return {
    client,
    chunks: list(chunks, 'cancelled chunks').filter(isCount),
    runs: list(runs, 'cancelled runs').filter(isCount),
  };
}
