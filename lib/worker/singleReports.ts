import { types } from 'node:util';
import { attempt } from '../errors.js';
import type {
  ColumnBatchMessage,
  FailureMessage,
  ReportMessage,
  Transferable,
} from '../protocol/messages.js';
import { batchOfRow, noRows, rowReader } from '../serialization/columnBatch.js';
import { decodeThrown } from '../serialization/decode.js';
import { Encoder } from '../serialization/encode.js';
import { textOf } from '../serialization/errors.js';

const nothing: ColumnBatchMessage = /* @__PURE__ */ (() => ({
  ...noRows,
  tag: undefined,
  functions: undefined,
}))();

/** A report, and the memory and ports that go with it. */
export interface SentReport {
  readonly report: ReportMessage;
  readonly transferList: readonly Transferable[];
}

/**
 * Divides a report into reports of one input each, for want of a way to send it whole. Memory is copied then, as more than
 * one of them may hold it.
 */
export function singleReports({ report, transferList }: SentReport): SentReport[] {
  const ports = new Set<unknown>(transferList.filter(listed => !types.isArrayBuffer(listed)));
  const { count, rows, failures, elapsed, last } = report;
  const failed = new Map(failures.map(failure => [failure.offset, failure]));
  const at = rowReader(rows);
  let row = 0;
  return Array.from({ length: count }, (_, offset) => {
    const failure = failed.get(offset);
    const single = failure ? undefined : at(row++);
    return {
      report: {
        ...report,
        count: 1,
        rows: failure ? nothing : { ...batchOfRow(single), tag: rows.tag, functions: rows.functions },
        failures: failure ? [{ ...failure, offset: 0 }] : [],
        elapsed: offset === 0 ? elapsed : 0,
        last: last && offset === count - 1,
      },
      transferList: portsIn(failure ? failure.cause : single, ports),
    };
  });
}

/**
 * Returns the report of one input that Node refused to send: a row as the failure of its input, a thrown value without
 * what may be the reason.
 */
export function sendable(report: ReportMessage, refusal: unknown, sharedMemory: boolean): ReportMessage {
  const [failed] = report.failures;
  if (!failed) {
    const why = `a value that cannot be sent: ${attempt(() => String((refusal as Error).message), 'no reason was given')}`;
    return failedReport(report, { cause: undefined, untransferable: { what: 'result', path: '', why } });
  }
  // Ports are told in words then.
  const encoder = new Encoder({ sharedMemory, transferMarked: false });
  const cause = encoder.encodeThrown(decodeThrown(failed.cause, report.tag));
  return failedReport({ ...report, tag: encoder.tag }, { ...failed, cause });
}

/** Returns the report of one input as one of its failure, of which only the text is left. */
export function inWords(report: ReportMessage): ReportMessage {
  const [failed] = report.failures;
  const thrown = failed && decodeThrown(failed.cause, report.tag);
  const encoder = new Encoder({ sharedMemory: false, transferMarked: false });
  const cause = encoder.encodeThrown(new Error(`the task threw ${textOf(thrown)}, which cannot be sent`));
  return failedReport({ ...report, tag: encoder.tag }, { cause, untransferable: failed?.untransferable });
}

const failedReport = (
  report: ReportMessage,
  failure: Pick<FailureMessage, 'cause' | 'untransferable'>,
): ReportMessage => ({
  ...report,
  rows: nothing,
  failures: [{ ...failure, offset: 0, expired: report.failures[0]?.expired ?? false }],
});

/** Returns those of some ports that are inside an encoded value. */
function portsIn(value: unknown, ports: ReadonlySet<unknown>): Transferable[] {
  if (ports.size === 0) return [];
  const found: Transferable[] = [];
  const met = new Set<unknown>();
  const look = (part: unknown): void => {
    if (typeof part !== 'object' || part === null || met.has(part) || ArrayBuffer.isView(part)) return;
    met.add(part);
    if (ports.has(part)) found.push(part as Transferable);
    else if (part instanceof Map) for (const entry of part) look(entry);
    else if (part instanceof Set) for (const item of part) look(item);
    else for (const item of Object.values(part)) look(item);
  };
  look(value);
  return found;
}
