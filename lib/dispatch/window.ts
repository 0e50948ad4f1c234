import type { ChunkSize } from './chunkSize.js';
import type { DelayedRetries } from './delayedRetries.js';
import type { InputQueue } from './inputQueue.js';
import type { ReorderBuffer } from './reorderBuffer.js';

/** The default of `maxBuffered`, per worker: results, and chunks. */
const BUFFERED_RESULTS = 1024;
const BUFFERED_CHUNKS = 4;

/**
 * Bounds what is given out while results wait for an earlier one, or inputs for their next try.
 *
 * An ordered run counts from the first input that has not been emitted; an unordered one counts retries.
 */
export class Window {
  /** Inputs before this one have been given out. */
  #front = 0;

  constructor(
    private readonly parts: {
      readonly inputs: InputQueue;
      readonly size: ChunkSize;
      readonly retries: DelayedRetries;
      /** Only of an ordered run. */
      readonly reorderBuffer: ReorderBuffer | undefined;
      readonly maxBuffered: number | undefined;
    },
  ) {}

  /** Notes that all inputs before this one have been given out. */
  moveTo(end: number): void {
    this.#front = Math.max(this.#front, end);
  }

  /** Returns how many inputs may be given out now. */
  room(workers: number): number {
    const { inputs, size, retries, reorderBuffer, maxBuffered } = this.parts;
    const most = maxBuffered ?? workers * Math.max(BUFFERED_RESULTS, BUFFERED_CHUNKS * size.full);
    const waiting = reorderBuffer ? this.#front - reorderBuffer.next : retries.length;
    if (!reorderBuffer && waiting === 0) return Infinity;
    // The first of them waits for nobody.
    const room = most + (reorderBuffer ? 1 : 0) - waiting;
    // What came back is counted already, and one of it may be what all others wait for; fresh inputs may follow it.
    const back = inputs.length > 0 ? this.#front - inputs.first : 0;
    return back > 0 ? back + Math.max(0, room) : room;
  }
}
