import { attempt } from '../errors.js';
import type { BatchColumn, ColumnBatch } from '../protocol/columnBatch.js';
import { copyValue } from '../serialization/copyValue.js';
import { isSame } from '../serialization/isSame.js';
import { hasKeys, isTuple, recordKeys } from '../serialization/rowShape.js';

const NONE: readonly unknown[] = [];
const COPIED = { memory: true, whole: false };

/** True for values that stay what they are, and can be sent. */
const isSingle = (value: unknown): boolean =>
  (typeof value !== 'object' || value === null) && typeof value !== 'function' && typeof value !== 'symbol';

/**
 * Inputs as they were when they were emitted: a source may go on to change them, and so may a task that is tried again.
 *
 * Tuples and records of single values, the common ones, are kept part by part in one list, of which they are sent
 * without being read once more; all others are kept as copies.
 */
export class EmittedValues {
  /** The keys of the records; `undefined` of tuples. */
  #keys: readonly string[] | undefined;
  /** The parts of each tuple or record. */
  #width = 0;
  #parts: unknown[] = [];
  /** Inputs whose parts are in the list; those that follow have copies. */
  #flat = 0;
  /** Copies of the others; `undefined` of what cannot change, or cannot be copied. */
  #copies: readonly unknown[] = NONE;
  /** True while parts are read: code of the user may run in getters. */
  #isReading = false;

  /** Returns those of so many values that cannot change. */
  static unchanging(count: number): EmittedValues {
    const values = new EmittedValues();
    values.#copies = Array.from<undefined>({ length: count });
    return values;
  }

  /** Returns one as it is now; `undefined` if it cannot change. */
  static of(value: unknown): EmittedValues | undefined {
    if (typeof value !== 'object' || value === null) return undefined;
    const values = new EmittedValues();
    values.add(value);
    return values;
  }

  add(value: unknown): void {
    if (typeof value === 'object' && value !== null && this.#addParts(value)) this.#flat += 1;
    else this.addCopy(isSingle(value) ? undefined : copyOf(value));
  }

  /** Returns those at some places. */
  slice(from: number, to: number): EmittedValues {
    const part = new EmittedValues();
    part.#keys = this.#keys;
    part.#width = this.#width;
    const flat = Math.min(to, this.#flat);
    if (from < flat) {
      // Its own: those of the others are let go of apart.
      part.#parts = this.#parts.slice(from * this.#width, flat * this.#width);
      part.#flat = flat - from;
    }
    if (to > this.#flat) part.#copies = this.#copies.slice(Math.max(0, from - this.#flat), to - this.#flat);
    return part;
  }

  /** Lets go of what is kept of inputs that were taken. */
  release(from: number, to: number): void {
    this.#parts.fill(undefined, from * this.#width, Math.min(to, this.#flat) * this.#width);
    for (let i = Math.max(from, this.#flat); i < to; i++)
      (this.#copies as unknown[])[i - this.#flat] = undefined;
  }

  /** Returns these and others after them. */
  concat(others: EmittedValues): EmittedValues {
    const all = new EmittedValues();
    const isFlat = this.#copies.length === 0 && others.#copies.length === 0 && this.#isOfShape(others);
    for (const { part, length } of [this.#sized(), others.#sized()])
      if (isFlat) all.#addFlat(part);
      else for (let i = 0; i < length; i++) all.addCopy(part.#keptOf(i));
    return all;
  }

  /** Takes away the one that was added last, and returns what is kept of it. */
  takeLast(): unknown {
    if (this.#copies.length > 0) return (this.#copies as unknown[]).pop();
    const kept = this.#keptOf(this.#flat - 1);
    this.#flat -= 1;
    this.#parts.length = this.#flat * this.#width;
    return kept;
  }

  /** @param copy what is kept of a value; `undefined` for the value itself */
  addCopy(copy: unknown): void {
    if (this.#copies === NONE) this.#copies = [];
    (this.#copies as unknown[]).push(copy);
  }

  #sized() {
    return { part: this, length: this.#flat + this.#copies.length };
  }

  #addFlat(others: EmittedValues): void {
    this.#keys = others.#keys;
    this.#width = others.#width;
    for (const part of others.#parts) this.#parts.push(part);
    this.#flat += others.#flat;
  }

  /**
   * Returns the inputs for an executor that copies them at once.
   * @param values the inputs, as they are now
   */
  kept(values: ArrayLike<unknown>): ArrayLike<unknown> {
    return Array.from(values, (value, i) => this.#keptOf(i) ?? value);
  }

  /** Returns the inputs as columns, where all of them are tuples or records of single values. */
  columns(): ColumnBatch | undefined {
    if (this.#flat === 0 || this.#copies.length > 0) return undefined;
    const shape = this.#keys ? { kind: 'record' as const, keys: this.#keys } : { kind: 'tuple' as const };
    const columns: BatchColumn[] = [];
    for (let k = 0; k < this.#width; k++) columns.push(this.#column(k));
    return { length: this.#flat, shape, columns };
  }

  /**
   * Returns inputs as they were emitted: the same objects where they have not changed, and copies of the others.
   * @param values the inputs, as they are now
   */
  restore(values: ArrayLike<unknown>): ArrayLike<unknown> {
    let restored: unknown[] | undefined;
    for (let i = 0; i < values.length; i++) {
      if (this.#isUnchanged(values[i], i)) continue;
      restored ??= Array.from(values);
      // Whoever is given it may change it, and another try wants it once more.
      const kept = this.#keptOf(i);
      restored[i] = i < this.#flat ? kept : (copyOf(kept) ?? kept);
    }
    return restored ?? values;
  }

  /** Adds the parts of a tuple or record of single values; returns false, and adds none, if it is of another shape. */
  #addParts(value: object): boolean {
    if (this.#copies.length > 0 || this.#isReading) return false;
    const before = this.#parts.length;
    this.#isReading = true;
    let fits = false;
    try {
      fits = Array.isArray(value) ? this.#addTuple(value) : this.#addRecord(value as Record<string, unknown>);
    } catch {
      // A getter that throws: whoever reads the input next will say so.
    }
    this.#isReading = false;
    // A getter may have emitted another one.
    if (fits && this.#copies.length === 0) return true;
    this.#parts.length = before;
    return false;
  }

  #addTuple(value: readonly unknown[]): boolean {
    const { length } = value;
    if (this.#flat === 0) this.#width = length;
    if (this.#keys || length !== this.#width || !isTuple(value)) return false;
    const parts = this.#parts;
    for (let i = 0; i < length; i++) {
      const part = value[i];
      if (typeof part !== 'number' && !isSingle(part)) return false;
      parts.push(part);
    }
    return true;
  }

  #addRecord(value: Record<string, unknown>): boolean {
    if (this.#flat === 0) {
      this.#keys = recordKeys(value);
      this.#width = this.#keys?.length ?? 0;
    }
    const keys = this.#keys;
    if (!keys || !hasKeys(value, keys)) return false;
    const parts = this.#parts;
    for (let k = 0; k < keys.length; k++) {
      const part = value[keys[k] as string];
      if (typeof part !== 'number' && !isSingle(part)) return false;
      parts.push(part);
    }
    return true;
  }

  #column(k: number): BatchColumn {
    const parts = this.#parts;
    const width = this.#width;
    if (typeof parts[k] !== 'number') return this.#columnOfAny(k);
    const numbers = new Float64Array(this.#flat);
    for (let i = 0, at = k; i < numbers.length; i++, at += width) {
      const part = parts[at];
      if (typeof part !== 'number') return this.#columnOfAny(k);
      numbers[i] = part;
    }
    return numbers;
  }

  #columnOfAny(k: number): unknown[] {
    const column: unknown[] = [];
    for (let i = 0, at = k; i < this.#flat; i++, at += this.#width) column.push(this.#parts[at]);
    return column;
  }

  #isOfShape(others: EmittedValues): boolean {
    const [keys, other] = [this.#keys, others.#keys];
    if (!keys || !other) return keys === other && this.#width === others.#width;
    return keys.length === other.length && keys.every((key, i) => key === other[i]);
  }

  #isUnchanged(value: unknown, i: number): boolean {
    if (i < this.#flat) return attempt(() => this.#hasParts(value as object, i), false);
    const copy = this.#copies[i - this.#flat];
    return copy === undefined || isSame(value, copy, { memory: true });
  }

  /** Returns true if a tuple or record still has the parts that are kept of it. */
  #hasParts(value: object, i: number): boolean {
    const keys = this.#keys;
    if (keys ? !hasKeys(value, keys) : !isTuple(value) || value.length !== this.#width) return false;
    const first = i * this.#width;
    for (let k = 0; k < this.#width; k++) {
      const part = (value as Record<string | number, unknown>)[keys?.[k] ?? k];
      if (!Object.is(part, this.#parts[first + k])) return false;
    }
    return true;
  }

  /** Returns what is kept of an input: a copy, made now where its parts are in the list; `undefined` for the input itself. */
  #keptOf(i: number): unknown {
    if (i >= this.#flat) return this.#copies[i - this.#flat];
    const first = i * this.#width;
    const parts = this.#parts.slice(first, first + this.#width);
    return this.#keys ? Object.fromEntries(this.#keys.map((key, k) => [key, parts[k]])) : parts;
  }
}

/** Returns a copy; `undefined` where the value stays what it is, or cannot be copied. */
function copyOf(value: unknown): unknown {
  const copy = attempt(() => copyValue(value, COPIED), value);
  return copy === value ? undefined : copy;
}
