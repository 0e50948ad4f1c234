import type { TaskError } from '../errors.js';
import type { Chunk } from '../executor.js';
import type { ColumnBatch } from '../protocol/columnBatch.js';
import { batchOfRow } from '../serialization/columnBatch.js';

/** Consecutive inputs that have settled for good: rows of those that succeeded, errors of the others. */
export interface SettledBatch {
  readonly first: number;
  readonly count: number;
  /** The inputs, the first of them at `offset`. */
  readonly inputs: ArrayLike<unknown>;
  readonly offset: number;
  readonly rows: ColumnBatch;
  /** By index. */
  readonly failures: readonly TaskError[];
}

const none: readonly TaskError[] = [];

/** Makes a batch of one input and its row. */
export const settledRow = (first: number, input: unknown, row: unknown): SettledBatch => ({
  first,
  count: 1,
  inputs: [input],
  offset: 0,
  rows: batchOfRow(row),
  failures: none,
});

/** A batch of the inputs of a chunk. They are looked at only where somebody reads them. */
class ChunkBatch implements SettledBatch {
  readonly first: number;

  constructor(
    private readonly chunk: Chunk,
    readonly offset: number,
    readonly count: number,
    readonly rows: ColumnBatch,
    readonly failures: readonly TaskError[],
  ) {
    this.first = chunk.first + offset;
  }

  get inputs(): ArrayLike<unknown> {
    return this.chunk.inputs;
  }
}

/** Makes a batch of the inputs of a chunk that begin at `offset`. */
export const settledBatch = (
  chunk: Chunk,
  offset: number,
  count: number,
  rows: ColumnBatch,
  failures: readonly TaskError[],
): SettledBatch => new ChunkBatch(chunk, offset, count, rows, failures);
