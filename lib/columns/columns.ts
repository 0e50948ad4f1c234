import type { BatchColumn, ColumnBatch } from '../protocol/columnBatch.js';
import { rowReader, sliceBatch } from '../serialization/columnBatch.js';
import { isPlainPrototype } from '../serialization/encodedValues.js';

/** One component of every row: numbers as a `Float64Array`, all else as a plain array. */
export type Column<T> = 0 extends 1 & T
  ? // biome-ignore lint/suspicious/noExplicitAny: a row that is `any` has columns that are
    any
  : [T] extends [number]
    ? Float64Array<ArrayBuffer>
    : [Extract<T, number>] extends [never]
      ? T[]
      : Float64Array<ArrayBuffer> | T[];

/**
 * The columns that rows of type `R` reduce to: an array of columns for tuples, an object of columns for records, else one column.
 * An object with methods is taken for the instance of a class, which is a single value.
 */
export type Columns<R> = 0 extends 1 & R
  ? // biome-ignore lint/suspicious/noExplicitAny: the columns of rows that are `any`
    any
  : [R] extends [readonly unknown[]]
    ? { -readonly [K in keyof R]: Column<R[K]> }
    : [R] extends [object]
      ? Method extends MemberKinds<R>
        ? Column<R>
        : { -readonly [K in keyof R]: Column<R[K]> }
      : Column<R>;

declare const method: unique symbol;
type Method = typeof method;
/** `Method` where any member of `R` is a function. */
type MemberKinds<R> = {
  // biome-ignore lint/suspicious/noExplicitAny: any function at all
  [K in keyof R]-?: R[K] extends (...args: any[]) => unknown ? Method : never;
}[keyof R];

// biome-ignore lint/suspicious/noExplicitAny: any function at all
type AnyFunction = (...parameters: any[]) => unknown;
type NoFunctions = 'a row of parfor cannot hold functions';

/** The type that the task `F` of `parfor` must return for a row of type `R`: that, unless it holds a function. */
// It waits for `F`. It does not wait for the row of a generic task: of a branch that is `any` the compiler makes no
// constraint, so that for a type yet unknown the other branch counts, and `never` it is.
export type ReducedRow<F, R> = [F, () => AnyOfFunctions<R>] extends [AnyFunction, () => never]
  ? R
  : Refused<R>;
/** `any` for a row that holds a function, else `never`. */
type AnyOfFunctions<R> = 0 extends 1 & R ? never : AnyOfRow<R>;
type AnyOfRow<R> = R extends AnyFunction
  ? // biome-ignore lint/suspicious/noExplicitAny: see above
    any
  : R extends readonly unknown[]
    ? AnyOfMember<R[number]>
    : // The instances of a class have methods. Unlike a literal, a class is not taken for a record.
      R extends Readonly<Record<string, unknown>>
      ? AnyOfMember<R[keyof R]>
      : never;
type AnyOfMember<T> = 0 extends 1 & T
  ? never
  : [Extract<T, AnyFunction>] extends [never]
    ? never
    : // biome-ignore lint/suspicious/noExplicitAny: see above
      any;
type Refused<R> = R extends AnyFunction
  ? NoFunctions
  : { [K in keyof R]: R[K] extends AnyFunction ? NoFunctions : R[K] };

/** A part of a column from this many numbers on is kept as it came; smaller ones are collected. */
const MIN_PART_LENGTH = 1_024;

/** Numbers that are collected before they make a part of their own. */
const MAX_BLOCK_LENGTH = 65_536;

/**
 * Grows one column as values come.
 *
 * Numbers are kept in parts and joined once, at the end: to grow one array means to fill fresh memory three times.
 */
class ColumnBuilder {
  length = 0;
  #parts: Float64Array[] = [];
  /** Single numbers, and small parts. */
  #block = new Float64Array(8);
  #filled = 0;
  /** All values, where they are not all numbers. */
  #mixed: unknown[] | undefined;

  push(value: unknown): void {
    if (this.#mixed) this.#mixed.push(value);
    else if (typeof value !== 'number') this.#loosen().push(value);
    else {
      if (this.#filled === this.#block.length) this.#grow(1);
      this.#block[this.#filled++] = value;
    }
    this.length += 1;
  }

  append(values: BatchColumn): void {
    if (!(values instanceof Float64Array) || this.#mixed) for (const value of values) this.push(value);
    else {
      this.length += values.length;
      if (values.length >= MIN_PART_LENGTH) {
        this.#closeBlock();
        this.#parts.push(values);
        return;
      }
      if (this.#filled + values.length > this.#block.length) this.#grow(values.length);
      this.#block.set(values, this.#filled);
      this.#filled += values.length;
    }
  }

  /** The column, in memory of its own. */
  finish(): BatchColumn {
    return this.#mixed ?? this.#joined();
  }

  #joined(): Float64Array {
    // No further block: one for each of many columns would be far more than what they hold.
    if (this.#filled > 0) this.#parts.push(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
    const parts = this.#parts;
    const [only] = parts;
    // With no larger buffer behind it.
    if (only && parts.length === 1 && only.byteLength === only.buffer.byteLength) return only;
    const column = new Float64Array(this.length);
    let at = 0;
    for (const part of parts.splice(0)) {
      column.set(part, at);
      at += part.length;
    }
    return column;
  }

  /** Makes room for `more` numbers in the block, fewer than a part has. */
  #grow(more: number): void {
    if (this.#filled + more > MAX_BLOCK_LENGTH) return this.#closeBlock();
    const grown = new Float64Array(
      Math.min(MAX_BLOCK_LENGTH, Math.max(this.#filled + more, this.#block.length * 4)),
    );
    grown.set(this.#block.subarray(0, this.#filled));
    this.#block = grown;
  }

  #closeBlock(): void {
    if (this.#filled > 0) this.#parts.push(this.#block.subarray(0, this.#filled));
    this.#block = new Float64Array(MIN_PART_LENGTH);
    this.#filled = 0;
  }

  #loosen(): unknown[] {
    this.#mixed = Array.from(this.#joined());
    this.#parts = [];
    return this.#mixed;
  }
}

type ColumnShape =
  | { kind: 'scalar' }
  | { kind: 'tuple'; width: number }
  | { kind: 'record'; keys: readonly string[] };

const isRecord = (row: unknown): row is Record<string, unknown> => {
  if (typeof row !== 'object' || row === null) return false;
  return isPlainPrototype(Object.getPrototypeOf(row));
};

const shapeOf = (row: unknown): ColumnShape =>
  Array.isArray(row)
    ? { kind: 'tuple', width: row.length }
    : isRecord(row)
      ? { kind: 'record', keys: Object.keys(row) }
      : { kind: 'scalar' };

const describeShape = (shape: ColumnShape): string =>
  shape.kind === 'tuple'
    ? `a tuple of ${shape.width}`
    : shape.kind === 'record'
      ? `a record with ${shape.keys.length ? shape.keys.map(key => `\`${key}\``).join(', ') : 'no keys'}`
      : 'a single value';

/** Collects rows in columns, those of batches without ever making the rows. */
export class ColumnsBuilder {
  #shape: ColumnShape | undefined;
  #columns: ColumnBuilder[] = [];

  /**
   * Adds one row.
   * @param index its place, for the error
   * @throws TypeError where its shape differs from that of the rows before
   */
  add(row: unknown, index: number): void {
    const shape = this.#shape;
    if (shape === undefined) this.#open(shapeOf(row));
    const at = this.#shape as ColumnShape;
    if (at.kind === 'tuple') {
      if (!Array.isArray(row) || row.length !== at.width) throw this.#misfit(shapeOf(row), index);
      for (let i = 0; i < at.width; i++) (this.#columns[i] as ColumnBuilder).push(row[i]);
    } else if (at.kind === 'record') {
      if (!isRecord(row)) throw this.#misfit(shapeOf(row), index);
      const { keys } = at;
      if (
        shape !== undefined &&
        (Object.keys(row).length !== keys.length || !keys.every(key => Object.hasOwn(row, key)))
      )
        throw this.#misfit(shapeOf(row), index);
      for (let i = 0; i < keys.length; i++) (this.#columns[i] as ColumnBuilder).push(row[keys[i] as string]);
    } else {
      if (Array.isArray(row) || isRecord(row)) throw this.#misfit(shapeOf(row), index);
      (this.#columns[0] as ColumnBuilder).push(row);
    }
  }

  /**
   * Adds the rows of a batch, the first of them at `index`.
   * @param indexOf the index of each, where they do not follow one another
   */
  addBatch(rows: ColumnBatch, index: number, indexOf = (row: number) => index + row): void {
    if (rows.length === 0) return;
    const { shape } = rows;
    if (shape.kind === 'row') {
      const at = rowReader(rows);
      for (let i = 0; i < rows.length; i++) this.add(at(i), indexOf(i));
      return;
    }
    let from = 0;
    if (this.#shape === undefined) {
      // The first row goes the common way and sets the shape.
      this.add(rowReader(rows)(0), indexOf(0));
      from = 1;
    }
    const at = this.#shape as unknown as ColumnShape;
    const order =
      at.kind === 'scalar' && shape.kind === 'number'
        ? [0]
        : at.kind === 'tuple' && shape.kind === 'tuple' && at.width === rows.columns.length
          ? rows.columns.map((_, i) => i)
          : at.kind === 'record' && shape.kind === 'record' && at.keys.length === shape.keys.length
            ? at.keys.map(key => shape.keys.indexOf(key))
            : undefined;
    if (order === undefined || order.includes(-1))
      throw this.#misfit(shapeOf(rowReader(rows)(from)), indexOf(from));
    const rest = from === 0 ? rows : sliceBatch(rows, from, rows.length);
    order.forEach((source, i) => {
      (this.#columns[i] as ColumnBuilder).append(rest.columns[source] as BatchColumn);
    });
  }

  /** The columns; `[]` where there were no rows. */
  finish(): unknown {
    const shape = this.#shape;
    if (shape === undefined) return [];
    const columns = this.#columns.map(column => column.finish());
    if (shape.kind === 'scalar') return columns[0];
    if (shape.kind === 'tuple') return columns;
    // Defined one by one: a key may be `__proto__`.
    return Object.defineProperties(
      {},
      Object.fromEntries(
        shape.keys.map((key, i) => [
          key,
          { value: columns[i], enumerable: true, configurable: true, writable: true },
        ]),
      ),
    );
  }

  #open(shape: ColumnShape): void {
    this.#shape = shape;
    const width = shape.kind === 'tuple' ? shape.width : shape.kind === 'record' ? shape.keys.length : 1;
    this.#columns = Array.from({ length: width }, () => new ColumnBuilder());
  }

  #misfit(shape: ColumnShape, index: number): TypeError {
    return new TypeError(
      `the row at index ${index} is ${describeShape(shape)} where the rows before are ${describeShape(this.#shape as ColumnShape)}; make every row of one shape, or use parallelMap`,
    );
  }
}
