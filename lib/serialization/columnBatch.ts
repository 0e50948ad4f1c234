import type { BatchColumn, BatchShape, ColumnBatch } from '../protocol/columnBatch.js';
import type { ColumnBatchMessage, Transferable } from '../protocol/messages.js';
import { decode, Encoder, HoldsItself, Untransferable, unreadable } from './encode.js';
import { isTransfer } from './transfer.js';

/** Wider rows are sent whole: a column for each place would cost more than it saves (`bench/constants.ts`). */
const MOST_COLUMNS = 64;

const ROW: BatchShape = { kind: 'row' };
const NUMBER: BatchShape = { kind: 'number' };
const TUPLE: BatchShape = { kind: 'tuple' };

/** An array of exactly its items: no holes, no further properties, no subclass, and not to be moved. */
function isTuple(row: unknown): row is unknown[] {
  if (!Array.isArray(row) || row.length > MOST_COLUMNS) return false;
  if (Object.getPrototypeOf(row) !== Array.prototype || isTransfer(row)) return false;
  const keys = Object.keys(row);
  // Indices come first: where the last key is the last index, a further property cannot make up for a hole.
  return keys.length === row.length && (row.length === 0 || keys[row.length - 1] === String(row.length - 1));
}

/** The keys of an object that is nothing but its enumerable properties, or `undefined`. */
function recordKeys(row: unknown): readonly string[] | undefined {
  if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
    return undefined;
  if (isTransfer(row)) return undefined;
  const keys = Object.keys(row);
  return keys.length > 0 && keys.length <= MOST_COLUMNS && !keys.includes('__proto__') ? keys : undefined;
}

function hasKeys(row: unknown, keys: readonly string[]): row is Record<string, unknown> {
  if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
    return false;
  if (isTransfer(row)) return false;
  let i = 0;
  for (const key in row) if (key !== keys[i++]) return false;
  return i === keys.length;
}

/**
 * Packs rows into columns as they come: the first row sets the shape, the first value of a column its kind, and what
 * does not fit loosens one column or the whole, never a value.
 */
export class ColumnBatchBuilder {
  length = 0;
  readonly encoder: Encoder;
  #shape: BatchShape | undefined;
  #columns: BatchColumn[] = [];
  readonly #capacity: number;
  readonly #isTuple: (row: unknown) => row is unknown[];

  /**
   * @param capacity how many rows may be added
   * @param encoder what makes single values fit to cross
   * @param literal whether every row that is an array is known to be exactly its items
   */
  constructor(capacity: number, encoder: Encoder, literal = false) {
    this.#capacity = capacity;
    this.encoder = encoder;
    this.#isTuple = literal ? Array.isArray : isTuple;
  }

  /** @throws Untransferable where a part of the row cannot cross; the row is not added then */
  add(row: unknown): void {
    try {
      this.#add(row);
    } catch (error) {
      if (!(error instanceof HoldsItself)) throw unreadable(error);
      this.#loosen(row);
    }
    this.length += 1;
  }

  #add(row: unknown): void {
    const shape = this.#shape;
    this.encoder.startValue(row);
    if (shape === undefined) this.#open(row);
    else if (shape === NUMBER) {
      if (typeof row === 'number') (this.#columns[0] as Float64Array)[this.length] = row;
      else this.#loosen(row);
    } else if (shape === ROW) (this.#columns[0] as unknown[])[this.length] = this.encoder.encode(row);
    else if (shape === TUPLE) {
      if (this.#isTuple(row) && row.length === this.#columns.length)
        for (let i = 0; i < row.length; i++) this.#put(i, row[i]);
      else this.#loosen(row);
    } else {
      const { keys } = shape as { keys: readonly string[] };
      if (hasKeys(row, keys)) for (let i = 0; i < keys.length; i++) this.#put(i, row[keys[i] as string]);
      else this.#loosen(row);
    }
  }

  /** All rows added, and the memory to move with them. Nothing may be added afterwards. */
  take(): { message: ColumnBatchMessage; moved: Transferable[] } {
    const moved: Transferable[] = [...this.encoder.moved];
    const columns = this.#columns.map(column => {
      if (column instanceof Float64Array) {
        if (this.encoder.threads) moved.push(column.buffer as ArrayBuffer);
        return column.length === this.length ? column : column.subarray(0, this.length);
      }
      column.length = this.length;
      return column;
    });
    const packed: ColumnBatch = {
      length: this.length,
      shape: this.#shape ?? ROW,
      columns: this.#shape ? columns : [[]],
    };
    return { message: this.encoder.tagged ? { ...packed, tag: this.encoder.tag } : packed, moved };
  }

  #open(row: unknown): void {
    if (typeof row === 'number') {
      this.#shape = NUMBER;
      this.#columns = [new Float64Array(this.#capacity)];
      (this.#columns[0] as Float64Array)[0] = row;
      return;
    }
    const tuple = isTuple(row);
    const keys = tuple ? undefined : recordKeys(row);
    if (!tuple && !keys) {
      const encoded = this.encoder.encode(row);
      this.#shape = ROW;
      this.#columns = [[encoded]];
      return;
    }
    const values = tuple ? row : Object.values(row as object);
    const encoded = values.map((value, i) =>
      typeof value === 'number' ? value : this.#encodeAt(value, keys?.[i] ?? i),
    );
    this.#shape = keys ? { kind: 'record', keys } : TUPLE;
    this.#columns = encoded.map((value, i) => {
      if (typeof values[i] !== 'number') return [value];
      const column = new Float64Array(this.#capacity);
      column[0] = value as number;
      return column;
    });
  }

  #put(i: number, value: unknown): void {
    let column = this.#columns[i] as BatchColumn;
    if (typeof value === 'number') {
      column[this.length] = value;
      return;
    }
    const encoded = this.#encodeAt(
      value,
      this.#shape?.kind === 'record' ? (this.#shape.keys[i] as string) : i,
    );
    if (column instanceof Float64Array) {
      column = Array.from(column.subarray(0, this.length));
      this.#columns[i] = column;
    }
    column[this.length] = encoded;
  }

  #encodeAt(value: unknown, key: string | number): unknown {
    return this.encoder.encodePart(value, key);
  }

  #loosen(row: unknown): void {
    const encoded = this.encoder.encode(row);
    const at = rowReader({ length: this.length, shape: this.#shape ?? ROW, columns: this.#columns });
    const rows = Array.from({ length: this.length }, (_, i) => at(i));
    rows.push(encoded);
    this.#columns = [rows];
    this.#shape = ROW;
  }
}

/** Packs inputs, up to the first one that cannot cross, which is then `rejected`. */
export function packInputs(
  values: ArrayLike<unknown>,
  threads: boolean,
): ReturnType<ColumnBatchBuilder['take']> & { rejected?: Untransferable } {
  if (values instanceof Float64Array) {
    const column = values.slice();
    return {
      message: { length: values.length, shape: NUMBER, columns: [column] },
      moved: threads ? [column.buffer] : [],
    };
  }
  const packer = new ColumnBatchBuilder(values.length, new Encoder(threads, false));
  try {
    for (let i = 0; i < values.length; i++) packer.add(values[i]);
  } catch (error) {
    if (!(error instanceof Untransferable)) throw error;
    return { ...packer.take(), rejected: error };
  }
  return packer.take();
}

/** What was packed, with every marked value put back. */
export function decodeBatch({ tag, ...packed }: ColumnBatchMessage): ColumnBatch {
  if (tag === undefined) return packed;
  // All at once: a value that stands in two columns stays one value.
  return { ...packed, columns: decode(packed.columns, tag) as BatchColumn[] };
}

/** Row after row of what was packed. */
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

/** Some of the packed rows, without copying numbers. */
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
