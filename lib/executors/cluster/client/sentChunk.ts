import { AsyncResource } from 'node:async_hooks';
import type { Subscriber } from 'rxjs';
import type { Report } from '../../../executor.js';
import { reportOf } from '../../pool/reportOf.js';
import { MessageError } from '../protocol/errors.js';
import { tooLarge } from '../protocol/messageSize.js';
import type { ChunkEnd } from '../protocol/messages.js';
import { readReports } from '../protocol/validate.js';
import type { PackedInputs } from './inputsOf.js';
import type { SharedRun } from './sharedRuns.js';

/** A chunk on its way: what was sent of it, who has it, and how much of it has settled. */
export class SentChunk {
  /** Settles when the last thing that was to be done in the queue for this chunk is done. */
  queued: Promise<unknown> = Promise.resolve();
  #inputs: Buffer | undefined;
  readonly #length: number;
  #settled = 0;
  #worker: string | undefined;
  /** The run's async context: code of the user reads the rows. */
  readonly #context = new AsyncResource('rx-parfor.chunk');

  constructor(
    readonly id: number,
    readonly run: SharedRun,
    { bytes, length }: PackedInputs,
    readonly subscriber: Subscriber<Report>,
  ) {
    this.#inputs = bytes;
    this.#length = length;
  }

  /** The inputs, until a worker has taken them: Redis may lose them before. */
  get inputs(): Buffer | undefined {
    return this.#inputs;
  }

  /** The id of the worker that has taken the chunk. */
  get worker(): string | undefined {
    return this.#worker;
  }

  /** True once nobody waits for the chunk any more, for whatever reason. */
  get over(): boolean {
    return this.subscriber.closed;
  }

  taken(worker: string): void {
    this.#worker = worker;
    this.#inputs = undefined;
  }

  /**
   * Emits the reports of a message, as long as somebody waits for them.
   * @returns how the chunk has ended, where the message says so
   * @throws MessageError where the message is rejected
   */
  receive(bytes: Buffer, maxMessage: number): ChunkEnd | undefined {
    if (bytes.length > maxMessage) throw new MessageError(tooLarge(bytes.length, maxMessage));
    const { from, reports, end } = readReports(bytes);
    // Sent twice, as the connection broke before Redis could answer.
    if (from < this.#settled) return undefined;
    if (from > this.#settled)
      throw new MessageError(`reports.from must be ${this.#settled}, got ${from}: reports are missing`);
    for (const [i, message] of reports.entries()) {
      const left = this.#length - this.#settled;
      if (message.count > left)
        throw new MessageError(
          `reports[${i}].count must be at most the ${left} inputs that are left, got ${message.count}`,
        );
      this.#settled += message.count;
      this.subscriber.next(this.#context.runInAsyncScope(reportOf, undefined, message));
      if (this.over) return undefined;
    }
    return end;
  }
}
