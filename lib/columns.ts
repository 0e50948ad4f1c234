import type { Packed, PackedColumn } from './protocol.js';
import { slicePacked, unpack } from './transport/packing.js';

/** One component of every row: numbers as a `Float64Array`, all else as a plain array. */
export type Column<T> = 0 extends 1 & T
  ? // biome-ignore lint/suspicious/noExplicitAny: a row that is `any` has columns that are
    any
  : [T] extends [number]
    ? Float64Array
    : [Extract<T, number>] extends [never]
      ? T[]
      : Float64Array | T[];

/**
 * What rows of type `R` reduce to: an array of columns for tuples, an object of columns for records, else one column.
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

/** Grows one column as values come. */
class ColumnBuilder {
  length = 0;
  #column: PackedColumn = new Float64Array(64);

  push(value: unknown): void {
    if (typeof value !== 'number') this.#loosen();
    else if (this.#column instanceof Float64Array) this.#reserve(this.length + 1);
    this.#column[this.length++] = value as number;
  }

  append(values: PackedColumn): void {
    if (values instanceof Float64Array && this.#column instanceof Float64Array) {
      this.#reserve(this.length + values.length);
      this.#column.set(values, this.length);
      this.length += values.length;
    } else for (const value of values) this.push(value);
  }

  /** The column, in memory of its own. */
  finish(): PackedColumn {
    if (!(this.#column instanceof Float64Array)) return this.#column;
    // Cut to size by a copy only where much would be held in vain: the result has no larger buffer behind it.
    return this.#column.length === this.length ? this.#column : this.#column.slice(0, this.length);
  }

  #reserve(length: number): void {
    const column = this.#column as Float64Array;
    if (length <= column.length) return;
    const grown = new Float64Array(Math.max(length, column.length * 2));
    grown.set(column.subarray(0, this.length));
    this.#column = grown;
  }

  #loosen(): void {
    if (this.#column instanceof Float64Array)
      this.#column = Array.from(this.#column.subarray(0, this.length));
  }
}

type ColumnShape =
  | { kind: 'scalar' }
  | { kind: 'tuple'; width: number }
  | { kind: 'record'; keys: readonly string[] };

const isRecord = (row: unknown): row is Record<string, unknown> => {
  if (typeof row !== 'object' || row === null) return false;
  const prototype = Object.getPrototypeOf(row);
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
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

/** Reduces rows to columns, packed ones without ever making the rows. */
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

  /** Adds packed rows, the first of them at `index`. */
  addPacked(rows: Packed, index: number): void {
    if (rows.length === 0) return;
    const { shape } = rows;
    if (shape.kind === 'row') {
      const at = unpack(rows);
      for (let i = 0; i < rows.length; i++) this.add(at(i), index + i);
      return;
    }
    let from = 0;
    if (this.#shape === undefined) {
      // The first row goes the common way and sets the shape.
      this.add(unpack(rows)(0), index);
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
      throw this.#misfit(shapeOf(unpack(rows)(from)), index + from);
    const rest = from === 0 ? rows : slicePacked(rows, from, rows.length);
    order.forEach((source, i) => {
      (this.#columns[i] as ColumnBuilder).append(rest.columns[source] as PackedColumn);
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
