import type { Transferable } from '../protocol/messages.js';
import type { OutputStreams } from './outputStreams.js';
import type { ChunkReport } from './runChunk.js';
import { inWords, type SentReport, sendable, singleReports } from './singleReports.js';
import type { WorkerChannel } from './workerChannel.js';

/**
 * Posts what a chunk reports. The program may end with the chunk: what its tasks have printed leaves before the end of
 * the chunk is posted.
 */
export class ChunkReporter {
  readonly #channel: WorkerChannel;
  readonly #outputs: OutputStreams;
  /** The end of the chunk, until what was printed has left. */
  #end: (() => void) | undefined;

  constructor(channel: WorkerChannel, outputs: OutputStreams) {
    this.#channel = channel;
    this.#outputs = outputs;
  }

  post(report: ChunkReport, transferList?: readonly Transferable[]): void {
    const isEnd = report.kind === 'end' || (report.kind === 'report' && report.last);
    if (!isEnd || this.#outputs.areEmpty) return this.#send(report, transferList);
    // A failure may end the program as soon as it is heard.
    if (report.kind === 'end' || report.failures.length > 0) {
      this.#end = () => this.#send(report, transferList);
      return;
    }
    this.#send({ ...report, last: false }, transferList);
    this.#end = () => this.#channel.post({ kind: 'end', notRunnable: undefined });
  }

  /** Posts a report; where Node cannot send what it took for sendable, that of each input alone. */
  #send(report: ChunkReport, transferList: readonly Transferable[] = []): void {
    try {
      this.#channel.post(report, transferList);
    } catch (error) {
      if (report.kind !== 'report') throw error;
      for (const single of singleReports({ report, transferList })) this.#sendSingle(single);
    }
  }

  /** Posts the report of one input: as it is, or as much of it as can be sent. */
  #sendSingle({ report, transferList }: SentReport): void {
    const { sharedMemory } = this.#channel;
    try {
      this.#channel.post(report, transferList);
    } catch (refusal) {
      const rest = sendable(report, refusal, sharedMemory);
      try {
        this.#channel.post(rest);
      } catch {
        this.#channel.post(inWords(rest));
      }
    }
  }

  /** Resolves when the end of the chunk has been posted. */
  async finish(): Promise<void> {
    if (!this.#end) return;
    await this.#outputs.flush();
    this.#end();
  }
}
