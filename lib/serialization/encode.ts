import type { ModuleReference, Transferable } from '../protocol/messages.js';
import { handlerOf } from './builtIns.js';
import {
  type EncodedValue,
  type EncodingContext,
  isArrayPrototype,
  isDisguised,
  isObjectLike,
  isPlainPrototype,
  MAX_DEPTH,
  setOwn,
} from './encodedValues.js';
import { textOf } from './errors.js';
import { encodeInstance } from './instances.js';
import { isCopiedBySlice } from './longArrays.js';
import { markOf } from './markedFunctions.js';
import { registeredClass } from './registerClass.js';
import { SerializationError, serializationErrorOf } from './serializationError.js';
import { isTransfer } from './transfer.js';

export interface EncoderOptions {
  /** True if the other side is a thread: memory can be shared with it, and transferred to it. */
  readonly sharedMemory: boolean;
  /** True if what `transfer()` has marked is transferred: a task may give its memory away, never a caller's. */
  readonly transferMarked: boolean;
  /** False if the other side finds no function by a module's URL: it is on another host. Default: `true`. */
  readonly functionsByReference?: boolean;
}

/** Returned by `encodePart` for a part that holds the whole value. */
export const HOLDS_WHOLE = Symbol('holds the whole value');

/** Takes out what was added to a Map or Set after it had so many entries. */
function takeAfter<T>(entries: Map<T, unknown> | Set<T>, size: number): [T, unknown][] {
  const taken = [...entries.entries()].slice(size);
  for (const [key] of taken) entries.delete(key);
  return taken;
}

/** Returns one step of a path, as it would be written in code. */
const pathStep = (key: string | number): string =>
  typeof key === 'number'
    ? `[${key}]`
    : /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`;

/**
 * Turns values into what structured clone carries without loss, as they are at that moment.
 *
 * It copies, for four reasons at once: a task may go on to change what it returned, a typed array must travel without
 * the buffer behind it, instances of classes need their codecs, and what cannot cross must be found and named. It is one
 * class, as all four are done in one walk over a value.
 */
export class Encoder implements EncodingContext {
  /** Marks the values that were encoded and not just copied. */
  readonly tag: object = {};
  readonly sharedMemory: boolean;
  /** Memory that nobody on this side needs any more. */
  readonly transferList = new Set<Transferable>();
  /** The marked functions that were met, which the other side has to find. */
  readonly functions: ModuleReference[] = [];
  readonly #transferMarked: boolean;
  readonly #functionsByReference: boolean;
  /** The places of functions in the list. */
  #places: Map<object, number> | undefined;
  #tagged = false;
  #transferring = false;
  /** True if a part that cannot cross becomes its text. */
  #lenient = false;
  /** The copies, or encoded values, of the objects that were met in this value so far. */
  #kept: Map<object, unknown> | undefined;
  /** Those in a part that has lost something, which stand for them in such parts only. */
  #keptInPart: Map<object, unknown> | undefined;
  /** The number of values so far that texts stand for. */
  #losses = 0;
  /** The value whose parts are encoded one by one. */
  #whole: unknown;
  #metWhole = false;
  #depth = 0;

  constructor({ sharedMemory, transferMarked, functionsByReference = true }: EncoderOptions) {
    this.sharedMemory = sharedMemory;
    this.#functionsByReference = functionsByReference;
    this.#transferMarked = transferMarked;
  }

  /** True if anything was marked, so that the other side must look for it. */
  get tagged(): boolean {
    return this.#tagged;
  }

  get transferring(): boolean {
    return this.#transferring;
  }

  /**
   * Encodes a value that stands alone: a row, an input, one of `args`. Identity is kept inside it.
   * @throws SerializationError where a part of it cannot cross
   */
  encode(value: unknown): unknown {
    if (!isObjectLike(value)) return value;
    this.startWhole(undefined);
    return this.#encodeNested(value);
  }

  /**
   * Encodes a thrown value: there is always something to report. A part of it that cannot cross becomes its text, and
   * everything else stays as it is.
   */
  encodeThrown(error: unknown): unknown {
    this.#lenient = true;
    try {
      return this.encode(error);
    } catch (failure) {
      const why = failure instanceof SerializationError ? `, which cannot cross: ${failure.text}` : '';
      return this.encode(new Error(`the task threw ${textOf(error)}${why}`));
    } finally {
      this.#lenient = false;
    }
  }

  /** Begins a value whose parts are to be encoded one by one, with `encodePart`. */
  startWhole(value: unknown): void {
    this.#kept = this.#keptInPart = undefined;
    this.#whole = value;
    this.#metWhole = false;
    this.#depth = 0;
  }

  /**
   * Encodes a part of the value that `startWhole` was given. Identity is kept among the parts.
   * @returns HOLDS_WHOLE where the value is inside this part or one before it: then it must be encoded as one
   * @throws SerializationError where the part cannot cross
   */
  encodePart(part: unknown, key: string | number): unknown {
    if (!isObjectLike(part)) return part;
    const encoded = this.#encodeNested(part, key);
    return this.#metWhole ? HOLDS_WHOLE : encoded;
  }

  encodeChild(value: unknown, key?: string | number, levels = 1): unknown {
    if (!isObjectLike(value)) return value;
    if (this.#lenient && key !== undefined) return this.encodeChildOrText(value, key, levels);
    return this.#encodeNested(value, key, levels);
  }

  encodeChildOrText(value: unknown, key: string | number, levels = 1): unknown {
    if (!isObjectLike(value)) return value;
    const kept = this.#kept?.size ?? 0;
    const listed = this.transferList.size;
    const lenient = this.#lenient;
    const losses = this.#losses;
    // Of what is inside it, too, only that is lost which cannot cross.
    this.#lenient = true;
    try {
      return this.#encodeNested(value, key, levels);
    } catch {
      // A copy that was begun must not stand for its object elsewhere.
      if (this.#kept) takeAfter(this.#kept, kept);
      takeAfter(this.transferList, listed);
      this.#losses += 1;
      return textOf(value);
    } finally {
      this.#lenient = lenient;
      if (!lenient && this.#losses > losses && this.#kept)
        for (const [met, copy] of takeAfter(this.#kept, kept))
          (this.#keptInPart ??= new Map()).set(met, copy);
    }
  }

  keep<T>(value: object, copy: T): T {
    this.#kept?.set(value, copy);
    return copy;
  }

  keepEncoded(value: object, encoded: EncodedValue): EncodedValue {
    this.#tagged = true;
    return this.keep(value, encoded);
  }

  #encodeNested(value: object | symbol, key?: string | number, levels = 1): unknown {
    if (this.#depth + levels > MAX_DEPTH)
      throw new SerializationError(`nested more than ${MAX_DEPTH} deep; pass it as flat data`, '', true);
    this.#depth += levels;
    try {
      return this.#encodeObject(value);
    } catch (thrown) {
      const error = serializationErrorOf(thrown);
      if (key !== undefined && !error.whole) error.path = pathStep(key) + error.path;
      throw error;
    } finally {
      this.#depth -= levels;
    }
  }

  #encodeObject(value: object | symbol): unknown {
    if (typeof value === 'symbol')
      throw new SerializationError(`${String(value)}, and symbols stay in their thread`);
    if (typeof value === 'function') return this.#encodeFunction(value);
    const kept = this.#kept?.get(value) ?? (this.#lenient ? this.#keptInPart?.get(value) : undefined);
    if (kept !== undefined) return kept;
    if (value === this.#whole) {
      this.#metWhole = true;
      return undefined;
    }
    if (this.#transferMarked && !this.#transferring && isTransfer(value)) return this.#encodeMarked(value);
    this.#kept ??= new Map();

    const prototype = Object.getPrototypeOf(value) as object | null;
    if (Array.isArray(value) && isArrayPrototype(prototype)) return this.#encodeArray(value);
    const known = prototype && registeredClass(prototype);
    if (known) return encodeInstance(value, known, this);
    if (isPlainPrototype(prototype)) return this.#encodeRecord(value as Record<string, unknown>, prototype);
    return handlerOf(value, prototype as object).encode(value, this, prototype as object);
  }

  /** A marked function is named by its module and export; any other cannot cross. */
  #encodeFunction(value: object): EncodedValue {
    const reference = markOf(value);
    // An error must arrive also where the module of a function that hangs on it is not loaded.
    if (!reference || this.#lenient) throw new SerializationError(functionRefusal(value));
    if (!this.#functionsByReference)
      throw new SerializationError(
        `the function ${reference.name} of ${reference.url}, and no function comes back from another host; return its name, or data`,
      );
    this.#places ??= new Map();
    let place = this.#places.get(value);
    if (place === undefined) {
      place = this.functions.push(reference) - 1;
      this.#places.set(value, place);
    }
    this.#tagged = true;
    return { tag: this.tag, kind: 'function', place };
  }

  #encodeMarked(value: object): unknown {
    this.#transferring = true;
    try {
      return this.#encodeObject(value);
    } finally {
      this.#transferring = false;
    }
  }

  #encodeArray(value: readonly unknown[]): unknown {
    if (isCopiedBySlice(value)) return this.keep(value, value.slice());
    const copy: unknown[] = new Array(value.length);
    this.#kept?.set(value, copy);
    const keys = Object.keys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      // The indices come first and in order; beyond the holes they are equal to i.
      const index = key === String(i) ? i : key;
      if (typeof index === 'number') copy[index] = this.#encodeProperty(value, key, index);
      else setOwn(copy, key, this.#encodeProperty(value, key, Number.isInteger(+key) ? +key : key));
    }
    return copy;
  }

  #encodeRecord(value: Record<string, unknown>, prototype: object | null): unknown {
    if (isDisguised(value, prototype))
      throw new SerializationError(
        `${Object.prototype.toString.call(value)} with the prototype of a plain object, as which it would arrive; pass a copy of what it holds`,
      );
    const copy: Record<string, unknown> = {};
    this.#kept?.set(value, copy);
    for (const key of Object.keys(value)) setOwn(copy, key, this.#encodeProperty(value, key, key));
    return copy;
  }

  /** Encodes a property as far as it can be read: a getter may throw. */
  #encodeProperty(holder: object, name: string, key: string | number): unknown {
    let value: unknown;
    try {
      value = (holder as Record<string, unknown>)[name];
    } catch (thrown) {
      const error = serializationErrorOf(thrown);
      if (!this.#lenient) throw error;
      this.#losses += 1;
      return `(${error.why})`;
    }
    if (!isObjectLike(value)) return value;
    return this.#lenient ? this.encodeChildOrText(value, key) : this.#encodeNested(value, key);
  }
}

/** Says why a function cannot cross. */
function functionRefusal(value: object): string {
  const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function';
  const { name } = value as { name: string };
  return `${kind}${name && ` (${name})`}; send data, or mark it in its module with task(import.meta, …): it crosses by its name then`;
}
