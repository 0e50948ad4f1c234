import type { TaskError } from '../errors.js';
import type { Chunk } from '../executor.js';
import type { ColumnBatch } from '../protocol/columnBatch.js';

/** Consecutive inputs that have settled for good: rows of those that succeeded, errors of the others. */
export interface SettledBatch {
  readonly first: number;
  readonly count: number;
  /** Has the inputs, the first of them at `offset`: whoever does not read them does not pay for it. */
  readonly chunk: Pick<Chunk, 'inputs'>;
  readonly offset: number;
  readonly rows: ColumnBatch;
  /** By index. */
  readonly failures: readonly TaskError[];
}

/** Makes a batch of the inputs of a chunk that begin at `offset`. */
export const settledBatch = (
  chunk: Chunk,
  offset: number,
  count: number,
  rows: ColumnBatch,
  failures: readonly TaskError[],
): SettledBatch => ({ first: chunk.first + offset, count, chunk, offset, rows, failures });
