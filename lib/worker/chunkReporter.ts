import type { Transferable } from '../protocol/messages.js';
import type { OutputStreams } from './outputStreams.js';
import type { ChunkReport } from './runChunk.js';
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
    if (!isEnd || this.#outputs.areEmpty) return this.#channel.post(report, transferList);
    // A failure may end the program as soon as it is heard.
    if (report.kind === 'end' || report.failures.length > 0) {
      this.#end = () => this.#channel.post(report, transferList);
      return;
    }
    this.#channel.post({ ...report, last: false }, transferList);
    this.#end = () => this.#channel.post({ kind: 'end', notRunnable: undefined });
  }

  /** Resolves when the end of the chunk has been posted. */
  async finish(): Promise<void> {
    if (!this.#end) return;
    await this.#outputs.flush();
    this.#end();
  }
}
