import { isInstance } from '../errors.js';
import type { FailureMessage, ReportMessage, Transferable } from '../protocol/messages.js';
import { ColumnBatchBuilder } from '../serialization/columnBatchBuilder.js';
import { Encoder } from '../serialization/encode.js';
import { SerializationError } from '../serialization/serializationError.js';

export interface ReportBuilderOptions {
  /** The most inputs that can settle. */
  readonly capacity: number;
  /** True if the report goes to a thread. */
  readonly sharedMemory: boolean;
  /** False if the report goes to another host. */
  readonly functionsByReference: boolean;
  /** True if every row that is an array is known to be exactly its items. */
  readonly literalArrays: boolean;
  /** When the first task of this report started. */
  readonly since: number;
}

/** Collects what has settled of a chunk and is not reported yet. */
export class ReportBuilder {
  readonly since: number;
  readonly #failures: FailureMessage[] = [];
  readonly #encoder: Encoder;
  readonly #rows: ColumnBatchBuilder;
  #count = 0;

  constructor({ capacity, literalArrays, since, ...encoding }: ReportBuilderOptions) {
    this.since = since;
    this.#encoder = new Encoder({ ...encoding, transferMarked: true });
    this.#rows = new ColumnBatchBuilder(capacity, this.#encoder, { literalArrays });
  }

  /** The number of inputs that have settled. */
  get count(): number {
    return this.#count;
  }

  get hasFailures(): boolean {
    return this.#failures.length > 0;
  }

  /** Adds the row of the next input. If the row cannot cross, that input has failed. */
  add(row: unknown): void {
    try {
      this.#rows.add(row);
    } catch (error) {
      if (!isInstance(error, SerializationError)) throw error;
      const { path, why } = error;
      this.#addFailure({ untransferable: { what: 'result', path, why } });
    }
    this.#count += 1;
  }

  /** Adds the next input as failed, by what was thrown: by its task, or as the input was decoded. */
  fail(thrown: unknown): void {
    if (isInstance(thrown, SerializationError)) {
      const { path, why } = thrown;
      this.#addFailure({ untransferable: { what: 'input', path, why } });
    } else this.#addFailure({ cause: this.#encoder.encodeThrown(thrown) });
    this.#count += 1;
  }

  /** Adds the next input as one whose task has returned too late. */
  expire(): void {
    this.#addFailure({ expired: true });
    this.#count += 1;
  }

  /**
   * Returns everything as a message. Nothing may be added afterwards.
   * @param ending.last true if the chunk ends with this report
   */
  build({ now, last }: { readonly now: number; readonly last: boolean }): {
    readonly report: ReportMessage;
    readonly transferList: readonly Transferable[];
  } {
    const { message: rows, transferList } = this.#rows.take();
    return {
      report: {
        kind: 'report',
        count: this.#count,
        rows,
        failures: this.#failures,
        tag: this.#encoder.tag,
        elapsed: now - this.since,
        last,
      },
      transferList,
    };
  }

  #addFailure({
    cause,
    untransferable,
    expired = false,
  }: Partial<Pick<FailureMessage, 'cause' | 'untransferable' | 'expired'>>): void {
    this.#failures.push({ offset: this.#count, cause, untransferable, expired });
  }
}
