// Column batches, from rows and back to rows: both directions of one format in one file, so that they stay in step.

import type { BatchColumn, BatchShape, ColumnBatch } from '../protocol/columnBatch.js';
import type { ColumnBatchMessage, Transferable } from '../protocol/messages.js';
import { Decoder } from './decode.js';
import { Encoder, HOLDS_WHOLE } from './encode.js';
import { isDisguised } from './encodedValues.js';
import { type FoundFunction, markedFunction } from './markedFunctions.js';
import { SerializationError, serializationErrorOf } from './serializationError.js';
import { isTransfer } from './transfer.js';

/** Wider rows are sent whole: a column for each place would cost more than it saves (`bench/constants.ts`). */
const MAX_COLUMNS = 64;

const ROW: BatchShape = { kind: 'row' };
const NUMBER: BatchShape = { kind: 'number' };
const TUPLE: BatchShape = { kind: 'tuple' };

/** A column batch as it is sent, and the memory to transfer with it. */
export interface EncodedBatch {
  readonly message: ColumnBatchMessage;
  readonly transferList: Transferable[];
}

/** Inputs as they are sent, up to the first one that cannot cross, which is then `rejected`. */
export interface EncodedInputs extends EncodedBatch {
  readonly rejected?: SerializationError;
}

export interface ColumnBatchBuilderOptions {
  /** True if every row that is an array is known to be exactly its items. Default: each one is looked at. */
  readonly literalArrays?: boolean;
}

/** True for an array of exactly its items: no holes, no further properties, no subclass, and not marked by `transfer()`. */
export function isTuple(row: unknown): row is unknown[] {
  if (!Array.isArray(row) || row.length > MAX_COLUMNS) return false;
  if (Object.getPrototypeOf(row) !== Array.prototype || isTransfer(row)) return false;
  const keys = Object.keys(row);
  // Indices come first: where the last key is the last index, a further property cannot make up for a hole.
  return keys.length === row.length && (row.length === 0 || keys[row.length - 1] === String(row.length - 1));
}

/** Returns the keys of an object that is nothing but its enumerable properties, or `undefined`. */
export function recordKeys(row: unknown): readonly string[] | undefined {
  if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
    return undefined;
  if (isTransfer(row)) return undefined;
  const keys = Object.keys(row);
  if (keys.length === 0 || keys.length > MAX_COLUMNS || isDisguised(row, Object.prototype)) return undefined;
  // Of such a name a property is not simply set.
  return keys.some(key => key in Object.prototype) ? undefined : keys;
}

/** True for an object of exactly these keys, in this order. */
export function hasKeys(row: unknown, keys: readonly string[]): row is Record<string, unknown> {
  if (typeof row !== 'object' || row === null || Object.getPrototypeOf(row) !== Object.prototype)
    return false;
  if (isTransfer(row)) return false;
  let i = 0;
  for (const key in row) if (key !== keys[i++]) return false;
  return i === keys.length;
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
    const parts: unknown[] = tuple ? row.slice() : Object.values(row as object);
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

/** True for a batch, among inputs that may be one or a list. */
const isBatch = (inputs: ArrayLike<unknown> | ColumnBatch): inputs is ColumnBatch =>
  Object.hasOwn(inputs, 'shape');

/**
 * Encodes inputs, up to the first one that cannot cross, which is then `rejected`.
 * @param values the inputs, or a column batch of single values that nobody else reads
 */
export function encodeInputs(
  values: ArrayLike<unknown> | ColumnBatch,
  { sharedMemory }: { readonly sharedMemory: boolean },
): EncodedInputs {
  if (isBatch(values)) {
    const transferList: Transferable[] = [];
    for (const column of values.columns)
      if (sharedMemory && column instanceof Float64Array) transferList.push(column.buffer as ArrayBuffer);
    return { message: { ...values, tag: undefined }, transferList };
  }
  if (values instanceof Float64Array) {
    const column = values.slice();
    return {
      message: {
        length: values.length,
        shape: NUMBER,
        columns: [column],
        tag: undefined,
        functions: undefined,
      },
      transferList: sharedMemory ? [column.buffer] : [],
    };
  }
  const builder = new ColumnBatchBuilder(values.length, new Encoder({ sharedMemory, transferMarked: false }));
  try {
    for (let i = 0; i < values.length; i++) builder.add(values[i]);
  } catch (error) {
    if (!(error instanceof SerializationError)) throw error;
    return { ...builder.take(), rejected: error };
  }
  return builder.take();
}

/**
 * Returns a column batch as it was before it was sent.
 * @throws SerializationError where an instance in it cannot be made here, or a function of a module is not loaded
 */
export function decodeBatch(message: ColumnBatchMessage, decoder = batchDecoder(message)): ColumnBatch {
  const { tag: _, functions: __, ...batch } = message;
  // All at once: a value that stands in two columns stays one value.
  return decoder ? { ...batch, columns: decoder.decodeChild(batch.columns) as BatchColumn[] } : batch;
}

/** Returns the decoder of a batch; `undefined` where nothing in it is encoded. */
export const batchDecoder = ({ tag, functions }: ColumnBatchMessage): Decoder | undefined =>
  tag && new Decoder(tag, functionsHere(functions));

/** Returns the functions that a batch names, as far as they are loaded here: rows are put together at once. */
const functionsHere = (functions: ColumnBatchMessage['functions']): FoundFunction[] | undefined =>
  functions?.map(
    reference =>
      markedFunction(reference) ??
      new SerializationError(
        `the function ${reference.name} of ${reference.url}, which is not loaded here; import that module before the run, or return data`,
      ),
  );

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
