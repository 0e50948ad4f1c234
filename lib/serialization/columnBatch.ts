import type { BatchColumn, BatchShape, ColumnBatch } from '../protocol/columnBatch.js';

const ROW: BatchShape = { kind: 'row' };

/** Returns a function that makes any row of a column batch. */
export function rowReader({ shape, columns }: ColumnBatch): (index: number) => unknown {
  const width = columns.length;
  switch (shape.kind) {
    case 'row':
    case 'number': {
      const column = columns[0] as BatchColumn;
      return index => column[index];
    }
    case 'tuple': {
      const [a, b, c] = columns as [BatchColumn, BatchColumn, BatchColumn];
      if (width === 2) return index => [a[index], b[index]];
      if (width === 3) return index => [a[index], b[index], c[index]];
      return index => {
        const row: unknown[] = [];
        for (let i = 0; i < width; i++) row.push((columns[i] as BatchColumn)[index]);
        return row;
      };
    }
    case 'record': {
      const { keys } = shape;
      return index => {
        const row: Record<string, unknown> = {};
        for (let i = 0; i < width; i++) row[keys[i] as string] = (columns[i] as BatchColumn)[index];
        return row;
      };
    }
  }
}

/** Returns some rows of a column batch, without copying numbers. */
export function sliceBatch({ shape, columns }: ColumnBatch, from: number, to: number): ColumnBatch {
  const cut = columns.map(column =>
    column instanceof Float64Array ? column.subarray(from, to) : column.slice(from, to),
  );
  return { length: to - from, shape, columns: cut };
}

/**
 * Makes the column batch of an array of rows, as the report of an executor of your own holds it. Rows are neither copied
 * nor looked into.
 * @example
 * subscriber.next({ count: 2, rows: columnBatch([1, 'two']), failures: [], elapsed: 0.1 });
 */
export const columnBatch = (rows: readonly unknown[]): ColumnBatch => ({
  length: rows.length,
  shape: ROW,
  columns: [[...rows]],
});

/** Makes the column batch of one row. */
export const batchOfRow = (row: unknown): ColumnBatch => ({ length: 1, shape: ROW, columns: [[row]] });

/** The column batch without rows. */
export const noRows: ColumnBatch = { length: 0, shape: ROW, columns: [[]] };
