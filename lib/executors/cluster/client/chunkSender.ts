import type { ChunkStore } from '../redis/chunkStore.js';
import type { JobQueue } from '../redis/jobQueue.js';
import { jobId } from '../redis/keys.js';
import type { SentChunk } from './sentChunk.js';
import type { SharedRun } from './sharedRuns.js';

/** Puts a client's chunks and definitions into Redis, and takes them out again. */
export class ChunkSender {
  /**
   * @param client its id
   * @param queue resolves when Redis has answered
   * @param inBackground takes commands that nobody waits for: what stays without an answer is found out otherwise
   */
  constructor(
    private readonly client: string,
    private readonly store: ChunkStore,
    private readonly queue: Promise<JobQueue>,
    private readonly inBackground: (command: Promise<unknown>) => void,
  ) {}

  /** Sends a chunk that nobody has taken yet, and its run's definition where Redis does not have it. */
  async send(chunk: SentChunk): Promise<void> {
    const queue = await this.queue;
    const { id, run, inputs, over } = chunk;
    if (over || !inputs) return;
    if (!run.stored) {
      run.stored = true;
      this.inBackground(this.store.putDefinition(this.client, run.id, run.definition));
    }
    this.inBackground(this.store.putInputs(this.client, id, inputs));
    await queue.add({ client: this.client, run: run.id, chunk: id });
  }

  /** Sends a chunk again that Redis has lost, and its run's definition with it. */
  resend(chunk: SentChunk): Promise<void> {
    chunk.run.stored = false;
    return this.send(chunk);
  }

  /**
   * Takes a chunk out of Redis once it is there, and has a worker that runs it stop.
   * @param isLocked is asked whether a worker that is gone may still hold the lock of the job
   */
  async remove(chunk: SentChunk, isLocked: () => boolean): Promise<void> {
    await chunk.queued;
    const queue = await this.queue;
    const job = jobId(this.client, chunk.id);
    this.inBackground(this.store.publishCancelled({ client: this.client, chunks: [chunk.id], runs: [] }));
    this.inBackground(this.store.removeInputs(this.client, chunk.id));
    if (isLocked()) this.inBackground(queue.unlock(job));
    await queue.remove(job);
    this.inBackground(queue.forgetStalled(job));
  }

  /** Takes the definition of a run that is over out of Redis, and has workers forget it. */
  forget(run: SharedRun): void {
    if (!run.stored) return;
    run.stored = false;
    this.inBackground(this.store.removeDefinition(this.client, run.id));
    this.inBackground(this.store.publishCancelled({ client: this.client, chunks: [], runs: [run.id] }));
  }
}
