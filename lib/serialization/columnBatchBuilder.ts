import type { BatchColumn, BatchShape, ColumnBatch } from '../protocol/columnBatch.js';
import type { ColumnBatchMessage, Transferable } from '../protocol/messages.js';
import { rowReader } from './columnBatch.js';
import { type Encoder, HOLDS_WHOLE } from './encode.js';
import { hasKeys, isTuple, recordKeys } from './rowShape.js';
import { serializationErrorOf } from './serializationError.js';

const ROW: BatchShape = { kind: 'row' };
const NUMBER: BatchShape = { kind: 'number' };
const TUPLE: BatchShape = { kind: 'tuple' };

/** A column batch as it is sent, and the memory to transfer with it. */
export interface EncodedBatch {
  readonly message: ColumnBatchMessage;
  readonly transferList: Transferable[];
}

export interface ColumnBatchBuilderOptions {
  /** True if every row that is an array is known to be exactly its items. Default: each one is looked at. */
  readonly literalArrays?: boolean;
}

/**
 * Puts rows into columns as they come.
 *
 * The first row sets the shape, and the first value of a column its kind. A later value that is no number turns its
 * column into one of any values; a row of another shape turns the batch into one column of whole rows.
 */
export class ColumnBatchBuilder {
  readonly encoder: Encoder;
  #length = 0;
  #shape: BatchShape | undefined;
  #columns: BatchColumn[] = [];
  readonly #capacity: number;
  readonly #isTuple: (row: unknown) => row is unknown[];

  /**
   * @param capacity how many rows may be added
   * @param encoder encodes single values
   */
  constructor(capacity: number, encoder: Encoder, { literalArrays = false }: ColumnBatchBuilderOptions = {}) {
    this.#capacity = capacity;
    this.encoder = encoder;
    this.#isTuple = literalArrays ? Array.isArray : isTuple;
  }

  /** The number of rows that were added. */
  get length(): number {
    return this.#length;
  }

  /** @throws SerializationError where a part of the row cannot cross; the row is not added then */
  add(row: unknown): void {
    try {
      if (!this.#addToColumns(row)) this.#addWhole(row);
    } catch (error) {
      throw serializationErrorOf(error);
    }
    this.#length += 1;
  }

  /** Returns all rows that were added. Nothing may be added afterwards. */
  take(): EncodedBatch {
    const { encoder } = this;
    const transferList: Transferable[] = [...encoder.transferList];
    const columns = this.#columns.map(column => {
      if (column instanceof Float64Array) {
        if (encoder.sharedMemory) transferList.push(column.buffer as ArrayBuffer);
        return column.length === this.#length ? column : column.subarray(0, this.#length);
      }
      column.length = this.#length;
      return column;
    });
    const batch: ColumnBatch = {
      length: this.#length,
      shape: this.#shape ?? ROW,
      columns: this.#shape ? columns : [[]],
    };
    // Their own also where there are none: they must not be read off a polluted prototype.
    const tag = encoder.tagged ? encoder.tag : undefined;
    const functions = encoder.functions.length > 0 ? encoder.functions : undefined;
    return { message: { ...batch, tag, functions }, transferList };
  }

  /** Adds a row to the columns that there are. Returns false, and adds none, if it does not fit. */
  #addToColumns(row: unknown): boolean {
    const shape = this.#shape;
    if (shape === undefined) return this.#addFirst(row);
    switch (shape.kind) {
      case 'number':
        if (typeof row !== 'number') return false;
        (this.#columns[0] as Float64Array)[this.#length] = row;
        return true;
      case 'row':
        (this.#columns[0] as unknown[])[this.#length] = this.encoder.encode(row);
        return true;
      case 'tuple':
        if (!this.#isTuple(row) || row.length !== this.#columns.length) return false;
        this.encoder.startWhole(row);
        for (let i = 0; i < row.length; i++) if (!this.#put(i, row[i], i)) return false;
        return true;
      case 'record': {
        const { keys } = shape;
        if (!hasKeys(row, keys)) return false;
        this.encoder.startWhole(row);
        for (let i = 0; i < keys.length; i++) {
          const key = keys[i] as string;
          if (!this.#put(i, row[key], key)) return false;
        }
        return true;
      }
    }
  }

  /** Adds the row that sets the shape. Returns false, and adds none, if it holds itself. */
  #addFirst(row: unknown): boolean {
    if (typeof row === 'number') {
      this.#shape = NUMBER;
      this.#columns = [this.#numbersFrom(row)];
      return true;
    }
    const tuple = isTuple(row);
    const keys = tuple ? undefined : recordKeys(row);
    if (!tuple && !keys) {
      this.#columns = [[this.encoder.encode(row)]];
      this.#shape = ROW;
      return true;
    }
    const parts: unknown[] = tuple
      ? row.slice()
      : (keys as readonly string[]).map(key => (row as Record<string, unknown>)[key]);
    this.encoder.startWhole(row);
    for (const [i, part] of parts.entries())
      if ((parts[i] = this.encoder.encodePart(part, keys?.[i] ?? i)) === HOLDS_WHOLE) return false;
    this.#shape = keys ? { kind: 'record', keys } : TUPLE;
    this.#columns = parts.map(part => (typeof part === 'number' ? this.#numbersFrom(part) : [part]));
    return true;
  }

  /** Makes a column of numbers. */
  #numbersFrom(first: number): Float64Array {
    const column = new Float64Array(this.#capacity);
    column[0] = first;
    return column;
  }

  /** Puts a value into a column. Returns false if the row that it is a part of is inside the value again. */
  #put(i: number, value: unknown, key: string | number): boolean {
    const column = this.#columns[i] as BatchColumn;
    if (typeof value === 'number') {
      column[this.#length] = value;
      return true;
    }
    const encoded = this.encoder.encodePart(value, key);
    if (encoded === HOLDS_WHOLE) return false;
    if (column instanceof Float64Array) this.#columns[i] = [...column.subarray(0, this.#length), encoded];
    else column[this.#length] = encoded;
    return true;
  }

  /** Adds a row that does not fit the columns: what there is becomes one column of whole rows. */
  #addWhole(row: unknown): void {
    const encoded = this.encoder.encode(row);
    const at = rowReader({ length: this.#length, shape: this.#shape ?? ROW, columns: this.#columns });
    const rows = Array.from({ length: this.#length }, (_, i) => at(i));
    rows.push(encoded);
    this.#columns = [rows];
    this.#shape = ROW;
  }
}
