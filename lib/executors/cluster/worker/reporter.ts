import type { ReportMessage } from '../../../protocol/messages.js';
import { sliceBatch } from '../../../serialization/columnBatch.js';
import { toBytes } from '../protocol/codec.js';
import { tooLarge } from '../protocol/messageSize.js';
import type { ChunkEnd } from '../protocol/messages.js';

/** The longest wait of a report for others that go with it, in ms. */
const REPORT_EVERY_MS = 20;

/** Gathers the reports of a chunk, so that Redis is not asked for each. */
export class Reporter {
  #reports: ReportMessage[] = [];
  #from = 0;
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param maxMessage the most bytes of one message
   * @param send returns false where the client is gone
   */
  constructor(
    private readonly maxMessage: number,
    private readonly send: (payload: Buffer) => Promise<boolean>,
  ) {}

  /** Adds what has settled. `onGone` is called when the client is gone. */
  add(report: ReportMessage, onGone: () => void): void {
    this.#reports.push(report);
    this.#timer ??= setTimeout(() => {
      this.#flush(undefined).then(
        there => {
          if (!there) onGone();
        },
        () => undefined,
      );
    }, REPORT_EVERY_MS);
  }

  /** Sends what is left, and how the chunk has ended. */
  async end(end: ChunkEnd): Promise<void> {
    await this.#flush(end);
  }

  /** Sends nothing more: nobody waits for the chunk any more. */
  cancel(): void {
    clearTimeout(this.#timer);
    this.#reports = [];
  }

  async #flush(end: ChunkEnd | undefined): Promise<boolean> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const reports = this.#reports;
    this.#reports = [];
    const from = this.#from;
    for (const { count } of reports) this.#from += count;
    const sent = [...this.#payloads(from, reports, end)].map(payload => this.send(payload));
    return (await Promise.all(sent)).every(there => there);
  }

  /** Divides what is to be sent into as few messages as `maxMessage` allows. */
  *#payloads(from: number, reports: readonly ReportMessage[], end: ChunkEnd | undefined): Generator<Buffer> {
    const bytes = toBytes({ from, reports, ...(end && { end }) });
    if (bytes.length <= this.maxMessage) {
      yield bytes;
      return;
    }
    const [report] = reports;
    if (report === undefined) {
      yield toBytes({
        from,
        reports,
        end: { kind: 'refused', why: `the error is ${bytes.length} bytes long` },
      });
    } else if (reports.length > 1 || report.count > 1) {
      const [first, second] = reports.length > 1 ? halves(reports) : splitReport(report);
      const middle = from + first.reduce((sum, { count }) => sum + count, 0);
      yield* this.#payloads(from, first, undefined);
      yield* this.#payloads(middle, second, end);
    } else {
      const why = tooLarge(bytes.length, this.maxMessage, 'return less');
      const failed: ReportMessage = {
        ...report,
        rows: sliceBatch(report.rows, 0, 0),
        failures: [
          { offset: 0, cause: undefined, untransferable: { what: 'result', path: '', why }, expired: false },
        ],
        tag: {},
      };
      yield toBytes({ from, reports: [failed], ...(end && { end }) });
    }
  }
}

const halves = <T>(items: readonly T[]): [T[], T[]] => {
  const middle = items.length >> 1;
  return [items.slice(0, middle), items.slice(middle)];
};

function splitReport(report: ReportMessage): [ReportMessage[], ReportMessage[]] {
  const middle = report.count >> 1;
  const early = report.failures.filter(({ offset }) => offset < middle);
  const late = report.failures.filter(({ offset }) => offset >= middle);
  const rows = middle - early.length;
  const { tag } = report.rows;
  const part = (from: number, to: number) => ({
    ...sliceBatch(report.rows, from, to),
    ...(tag && { tag }),
  });
  return [
    [{ ...report, count: middle, rows: part(0, rows), failures: early, elapsed: report.elapsed / 2 }],
    [
      {
        ...report,
        count: report.count - middle,
        rows: part(rows, report.rows.length),
        failures: late.map(failure => ({ ...failure, offset: failure.offset - middle })),
        elapsed: report.elapsed / 2,
      },
    ],
  ];
}
