import { Fifo } from '../queues/fifo.js';
import { EmittedValues } from './emittedValues.js';
import { joinSegments, NO_HISTORY, type Segment, sliceInputs, sliceSegment } from './segment.js';

/** A block of inputs that are still being collected is closed at this length, so that none is ever copied twice (`bench/constants.ts`). */
const BLOCK_LENGTH = 16_384;

/** More would hold memory that a run which has got so far may never need. */
const MAX_SPARE_BLOCKS = 8;

/** Lets go of inputs that were taken of some that nobody else reads. */
function letGo(
  values: ArrayLike<unknown>,
  emitted: EmittedValues | undefined,
  from: number,
  to: number,
): void {
  if (Array.isArray(values)) values.fill(undefined, from, to);
  emitted?.release(from, to);
}

/**
 * The inputs that wait for a worker, in their order.
 *
 * Numbers, the common sweep, are kept as a `Float64Array`, 8 bytes each and ready to travel.
 */
export class InputQueue {
  /** Inputs that wait. */
  length = 0;
  /** The index that the next input will have. */
  next = 0;
  /** Segments that were put back; the last of them goes first. */
  readonly #returned: Segment[] = [];
  /** Full blocks, in order. */
  readonly #blocks = new Fifo<Segment>();
  /** The number of inputs of the front segment that are given out, be it one that was put back or a block. */
  #taken = 0;
  /** The block that is being collected. Numbers have a fixed room, other values an array. */
  #block: Float64Array | unknown[] = new Float64Array(64);
  /** The inputs of the block as they were emitted, once one of them is an object. */
  #emitted: EmittedValues | undefined;
  #filled = 0;
  #blockTaken = 0;
  /** True if others read the block's memory: numbers are given out without a copy. */
  #shared = false;
  /** Blocks of numbers that are free again. */
  readonly #spare: Float64Array[] = [];

  /** The index of the input that `take` gives next, where one waits. */
  get first(): number {
    const segment = this.#front;
    return segment ? segment.first + this.#taken : this.next - this.#filled + this.#blockTaken;
  }

  /** True if the input that `take` gives next goes out alone. */
  get alone(): boolean {
    return this.#front?.alone === true;
  }

  /** True if the input that `take` gives next was given out before. */
  get cameBack(): boolean {
    return this.#returned.length > 0;
  }

  /** Counts an input that need not wait, and returns its index. */
  pass(): number {
    return this.next++;
  }

  /** @param changes true if somebody may change an object before it is needed for the last time. Default: true */
  push(value: unknown, changes = true): void {
    if (this.#emitted || (changes && typeof value === 'object' && value !== null)) this.#note(value);
    if (this.#filled === BLOCK_LENGTH) this.#close();
    if (this.#block instanceof Float64Array) {
      if (typeof value !== 'number') this.#block = Array.from(this.#block.subarray(0, this.#filled));
      else if (this.#filled === this.#block.length) this.#grow();
    }
    (this.#block as unknown[])[this.#filled++] = value;
    this.next += 1;
    this.length += 1;
  }

  /** Takes at most `limit` inputs from the front; fewer where those that came back are not in their order, or go alone. */
  take(limit: number): Segment {
    const front = this.#takePiece(limit);
    if (front.alone) return front;
    const pieces: [Segment, ...Segment[]] = [front];
    let { length } = front.values;
    while (length < limit && this.length > 0 && this.first === front.first + length && !this.alone) {
      const piece = this.#takePiece(limit - length);
      pieces.push(piece);
      length += piece.values.length;
    }
    return joinSegments(pieces);
  }

  /** True if the next input is one that was never given out, and no block has been filled since it came. */
  get isFresh(): boolean {
    return this.length > 0 && this.#returned.length === 0 && this.#blocks.length === 0;
  }

  /** True if fresh inputs are kept as they were emitted. */
  get isKept(): boolean {
    return this.#emitted !== undefined;
  }

  /** Takes the next input, a fresh one that is not kept, without a segment around it. */
  takeFresh(): unknown {
    const block = this.#block;
    const value = block[this.#blockTaken];
    if (!(block instanceof Float64Array)) block[this.#blockTaken] = undefined;
    this.#blockTaken += 1;
    this.length -= 1;
    if (this.#blockTaken === this.#filled) {
      if (this.#shared) this.#renew();
      else this.#filled = this.#blockTaken = 0;
    }
    return value;
  }

  get #front(): Segment | undefined {
    // Asked at each input that is pushed: an index of -1 would be looked up as a property.
    const { length } = this.#returned;
    return length > 0 ? this.#returned[length - 1] : this.#blocks.first;
  }

  #takePiece(limit: number): Segment {
    const segment = this.#front;
    if (segment === undefined) return this.#takeCollected(limit);
    const from = this.#taken;
    const to = Math.min(segment.values.length, from + (segment.alone ? 1 : limit));
    if (to === segment.values.length) {
      this.#taken = 0;
      if (this.#returned.length > 0) this.#returned.pop();
      else this.#blocks.shift();
    } else this.#taken = to;
    this.length -= to - from;
    const taken = sliceSegment(segment, from, to);
    if (taken !== segment) letGo(segment.values, segment.emitted, from, to);
    return taken;
  }

  /** Puts inputs back in front of all others. */
  putBack(segment: Segment): void {
    if (this.#taken > 0) {
      const cut = this.#front as Segment;
      const rest = sliceSegment(cut, this.#taken, cut.values.length);
      if (this.#returned.length > 0) this.#returned[this.#returned.length - 1] = rest;
      else this.#blocks.replaceFirst(rest);
      this.#taken = 0;
    }
    this.#returned.push(segment);
    this.length += segment.values.length;
  }

  /** Takes back the memory of inputs that nobody needs any more, where it is a block's: it serves the next ones. */
  recycle(values: ArrayLike<unknown>): void {
    if (
      values instanceof Float64Array &&
      values.length === BLOCK_LENGTH &&
      values.byteLength === values.buffer.byteLength
    )
      if (this.#spare.length < MAX_SPARE_BLOCKS) this.#spare.push(values);
  }

  #takeCollected(limit: number): Segment {
    const from = this.#blockTaken;
    const to = Math.min(this.#filled, from + limit);
    const first = this.next - this.#filled + from;
    const values = sliceInputs(this.#block, from, to);
    const isWhole = values === this.#block;
    const emitted = isWhole ? this.#emitted : this.#emitted?.slice(from, to);
    if (!isWhole) letGo(this.#block, this.#emitted, from, to);
    this.#blockTaken = to;
    this.#shared = true;
    this.length -= to - from;
    if (to === this.#filled) this.#renew();
    return { first, values, alone: false, history: NO_HISTORY, ...(emitted && { emitted }) };
  }

  #close(): void {
    const rest = sliceInputs(this.#block, this.#blockTaken, this.#filled);
    if (rest.length > 0)
      this.#blocks.push({
        first: this.next - rest.length,
        values: rest,
        alone: false,
        history: NO_HISTORY,
        ...(this.#emitted && { emitted: this.#emitted.slice(this.#blockTaken, this.#filled) }),
      });
    this.#renew(BLOCK_LENGTH);
  }

  // What was given out keeps the old block; a new one starts small, for a source that gives little at a time.
  #renew(room = 64): void {
    const numbers = this.#block instanceof Float64Array;
    this.#block = numbers ? (room === BLOCK_LENGTH && this.#spare.pop()) || new Float64Array(room) : [];
    this.#filled = this.#blockTaken = 0;
    this.#emitted = undefined;
    this.#shared = false;
  }

  /** Keeps an input as it is now, from the first on that can change. Code of the user may run in it, and push. */
  #note(value: unknown): void {
    const { next } = this;
    const emitted = this.#emittedNow();
    emitted.add(value);
    if (this.next === next) return;
    // What it has pushed comes first, and may have been given out by now.
    const kept = emitted.takeLast();
    this.#emittedNow().addCopy(kept);
  }

  #emittedNow(): EmittedValues {
    if (this.#filled === BLOCK_LENGTH) this.#close();
    this.#emitted ??= EmittedValues.unchanging(this.#filled);
    return this.#emitted;
  }

  #grow(): void {
    const length = Math.min(BLOCK_LENGTH, this.#block.length * 4);
    const grown = (length === BLOCK_LENGTH && this.#spare.pop()) || new Float64Array(length);
    grown.set(this.#block as Float64Array);
    this.#block = grown;
    this.#shared = false;
  }
}
