import type { ChunkPolicy } from '../executor.js';

/** One trip must not be more than this many times larger than the last: quick first tasks prove little (`bench/constants.ts`). */
const GROWTH = 8;

/** Towards the end each worker's share of what is left goes out in at least so many chunks (`bench/constants.ts`). */
const CHUNKS_PER_SHARE = 2;

/** Work under this many ms is not divided further at the end: the trip would cost more than it evens out (`bench/constants.ts`). */
const MIN_WORK_MS = 0.25;

/** A report of more than this many time slices says that tasks have become slow, and that the next ones may be as well. */
const MAX_SLICES = 2;

/**
 * Chooses the number of inputs of the next chunk.
 *
 * One at first; then as many as fill the executor's time slice, by the measured time of the last ones, but growing no
 * faster than eightfold, from one again when tasks have become slow; and fewer towards the end, so that all workers end
 * together. Too large a chunk does little harm: its worker hands back what does not fit into the slice.
 * @see joblib's AutoBatchingMixin (size from measured time), guided self-scheduling (Polychronopoulos and Kuck, 1987)
 */
export class ChunkSize {
  #size = 1;
  /** True if the last report took several slices. */
  #tookLong = false;
  /** Milliseconds per input; `undefined` until a first chunk has returned. */
  cost: number | undefined;

  constructor(
    private readonly policy: ChunkPolicy,
    /** The number of workers that share the inputs. */
    public workers: number,
    private readonly fixed: number | undefined,
  ) {}

  /** The number of inputs that a full chunk would have now. */
  get full(): number {
    return this.fixed ?? this.#size;
  }

  /**
   * Returns the size of the next chunk where `waiting` inputs are there to be shared.
   * @param cameBack true if the first of them came back: slow ones go out one by one then, also where the size is fixed
   */
  next(waiting: number, cameBack = false): number {
    if (this.fixed !== undefined) return this.#tookLong && cameBack ? 1 : this.fixed;
    const share = waiting === Infinity ? Infinity : Math.ceil(waiting / (this.workers * CHUNKS_PER_SHARE));
    const least = this.cost === undefined ? 1 : Math.min(this.#size, Math.floor(MIN_WORK_MS / this.cost));
    return Math.max(1, least, Math.min(this.#size, share));
  }

  /** `count` inputs took `elapsed` ms. */
  measured(count: number, elapsed: number): void {
    if (count === 0) return;
    const cost = Math.max(elapsed / count, 1e-6);
    const before = this.cost ?? cost;
    // Dearer tasks show at once, but by half: one odd chunk does not set the pace. Cheaper ones count by their number:
    // a first call, which compiles, is soon forgotten.
    this.cost = cost >= before ? (before + cost) / 2 : (before + elapsed) / (1 + count);
    const { timeSlice, maxInputs } = this.policy;
    const fits = Math.floor(timeSlice / this.cost);
    this.#tookLong = elapsed > MAX_SLICES * timeSlice;
    const most = this.#tookLong ? 1 : Math.min(this.#size * GROWTH, maxInputs);
    this.#size = Math.max(1, Math.min(fits, most));
  }
}
