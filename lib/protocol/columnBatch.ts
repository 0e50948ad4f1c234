/** A column of a batch: numbers, or any values. */
export type BatchColumn = Float64Array | unknown[];

/**
 * The meaning of a batch's columns: one column of whole rows (`row`), one of numbers (`number`), one column for each place
 * of a tuple, or one for each key of a record.
 */
export type BatchShape =
  | { readonly kind: 'row' }
  | { readonly kind: 'number' }
  | { readonly kind: 'tuple' }
  | { readonly kind: 'record'; readonly keys: readonly string[] };

/** Rows (or inputs) as columns: numbers travel as `Float64Array`s that are transferred, all else as arrays that are cloned. */
export interface ColumnBatch {
  readonly length: number;
  readonly shape: BatchShape;
  readonly columns: readonly BatchColumn[];
  /** True if its memory is nobody else's, so that whoever has read it may free it. */
  readonly own?: boolean;
}
