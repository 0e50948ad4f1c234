import type { Chunk } from '../executor.js';
import type { InFlightChunk } from './inFlightChunk.js';

/** The chunks of a run that an executor has, and the workers that are busy with them. */
export class InFlightChunks {
  readonly #chunks = new Set<InFlightChunk>();
  /** Workers that are busy for this run. */
  #busy = 0;

  get busyWorkers(): number {
    return this.#busy;
  }

  add(chunk: InFlightChunk): void {
    this.#chunks.add(chunk);
    if (!chunk.after) this.#busy += 1;
  }

  /** Takes out a chunk that is over. */
  leave(chunk: InFlightChunk): void {
    this.#chunks.delete(chunk);
    if (chunk.leave()) this.#busy -= 1;
  }

  /** Takes out all of them, and lets go of their workers. */
  cancel(): void {
    const chunks = [...this.#chunks];
    this.#chunks.clear();
    this.#busy = 0;
    for (const chunk of chunks) chunk.cancel();
  }

  /** Returns a chunk that another one can be queued behind. */
  withRoomBehind(): InFlightChunk | undefined {
    for (const chunk of this.#chunks) if (!chunk.after && !chunk.queued && !chunk.segment.alone) return chunk;
    return undefined;
  }

  /** Calls back for each chunk that is queued behind another, as long as `callback` returns true. */
  forEachQueued(callback: (chunk: Chunk) => boolean): void {
    for (const chunk of [...this.#chunks])
      if (chunk.after && this.#chunks.has(chunk) && !callback(chunk.chunk)) return;
  }

  /** Returns the inputs that are with a worker, without those that wait for one. */
  inputsWithWorkers(isWaiting: (chunk: Chunk) => boolean): number {
    let inputs = 0;
    for (const { after, unsettled, chunk } of this.#chunks)
      if (!after && !isWaiting(chunk)) inputs += unsettled;
    return inputs;
  }

  /** Returns the inputs that have not settled. */
  get unsettled(): number {
    let inputs = 0;
    for (const { unsettled } of this.#chunks) inputs += unsettled;
    return inputs;
  }

  /** Returns what does not add up, for specs. */
  problems(): string[] {
    const chunks = [...this.#chunks];
    const busy = chunks.filter(({ after }) => !after).length;
    const lost = (chunk: InFlightChunk | undefined, knows: boolean) =>
      chunk !== undefined && !(knows && this.#chunks.has(chunk));
    return [
      ...(busy === this.#busy ? [] : [`${this.#busy} workers run, and ${busy} chunks`]),
      ...chunks.flatMap(chunk =>
        lost(chunk.after, chunk.after?.queued === chunk) || lost(chunk.queued, chunk.queued?.after === chunk)
          ? [`the chunk at ${chunk.chunk.first} waits for one that does not know`]
          : [],
      ),
    ];
  }
}
