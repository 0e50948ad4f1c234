import { types } from 'node:util';
import { attempt } from '../errors.js';
import { isArrayPrototype, isPlainPrototype } from './encodedValues.js';
import { isBareArray, isDense, MAX_LISTED_LENGTH } from './longArrays.js';
import { registeredClass } from './registerClass.js';

/** From this depth on it is noted what was compared: an object may hold itself. */
const NOTED_DEPTH = 8;

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

const isSameMemory = (a: ArrayBufferView, b: ArrayBufferView): boolean => bytesOf(a).equals(bytesOf(b));

interface ComparisonOptions {
  /** True if the memory of typed arrays is compared too. Default: they must be the same ones. */
  readonly memory?: boolean;
  /** True if what a copy leaves out counts as well: symbols, hidden properties, and whether more can be added. Default: false. */
  readonly whole?: boolean;
}

/** Returns true if an object has no more properties than another, of which the enumerable ones are as many, and takes others. */
const hasNoMore = (a: object, b: object): boolean =>
  Object.isExtensible(a) === Object.isExtensible(b) &&
  Object.getOwnPropertySymbols(a).length === Object.getOwnPropertySymbols(b).length &&
  (Array.isArray(a) || Object.getOwnPropertyNames(a).length === Object.getOwnPropertyNames(b).length);

class Comparison {
  /** Pairs that are compared, or were. */
  #noted: Map<object, Set<object>> | undefined;
  #depth = 0;
  /** True if memory is compared: always inside the data of an instance, where it may be a copy that its codec has made. */
  #readsMemory: boolean;
  readonly #whole: boolean;

  constructor({ memory = false, whole = false }: ComparisonOptions) {
    this.#readsMemory = memory;
    this.#whole = whole;
  }

  isSame(a: unknown, b: unknown): boolean {
    // As `===` has it, -0 is 0.
    if (a === b && a !== 0) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
    const prototype = Object.getPrototypeOf(a) as object | null;
    if (prototype !== Object.getPrototypeOf(b)) return false;
    if (this.#depth >= NOTED_DEPTH && this.#note(a, b)) return true;
    this.#depth += 1;
    const same = this.#isSameObject(a, b, prototype);
    this.#depth -= 1;
    return same;
  }

  /** Returns true if the pair was noted before. */
  #note(a: object, b: object): boolean {
    this.#noted ??= new Map();
    const partners = this.#noted.get(a);
    if (partners?.has(b)) return true;
    if (partners) partners.add(b);
    else this.#noted.set(a, new Set([b]));
    return false;
  }

  #isSameObject(a: object, b: object, prototype: object | null): boolean {
    if (Array.isArray(a)) return Array.isArray(b) && isArrayPrototype(prototype) && this.#isSameArray(a, b);
    if (isPlainPrototype(prototype)) return this.#hasSameProperties(a, b);
    const known = registeredClass(prototype as object);
    if (known) return this.#isSameData(() => known.encode(a), known.encode(b));
    // Of a typed array the keys are its indices.
    if (ArrayBuffer.isView(a)) return this.#readsMemory && ArrayBuffer.isView(b) && isSameMemory(a, b);
    return this.#isSameBuiltIn(a, b) && Object.keys(a).length === Object.keys(b).length;
  }

  #isSameArray(a: readonly unknown[], b: readonly unknown[]): boolean {
    const { length } = a;
    if (length !== b.length) return false;
    // Each index of a sparse one would take for ever.
    const listed = length <= MAX_LISTED_LENGTH || !isBareArray(a) || !isBareArray(b) || !isDense(b);
    if (listed) return this.#hasSameProperties(a, b);
    for (let i = 0; i < length; i++) {
      const item = a[i];
      const other = b[i];
      if (item === other && item !== 0 && item !== undefined) continue;
      if (!this.isSame(item, other) || (item === undefined && i in a !== i in b)) return false;
    }
    return true;
  }

  #hasSameProperties(a: object, b: object): boolean {
    const keys = Object.keys(b);
    const found = Object.keys(a);
    if (found.length !== keys.length || (this.#whole && !hasNoMore(a, b))) return false;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      if (found[i] !== key) return false;
      if (!this.isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]))
        return false;
    }
    return true;
  }

  #isSameBuiltIn(a: object, b: object): boolean {
    if (types.isMap(a) && types.isMap(b)) return this.#hasSameItems(flat(a), flat(b));
    if (types.isSet(a) && types.isSet(b)) return this.#hasSameItems([...a], [...b]);
    if (types.isDate(a) && types.isDate(b)) return Object.is(a.getTime(), b.getTime());
    if (types.isRegExp(a) && types.isRegExp(b))
      return a.source === b.source && a.flags === b.flags && a.lastIndex === b.lastIndex;
    if (!this.#readsMemory) return false;
    return types.isArrayBuffer(a) && types.isArrayBuffer(b) && Buffer.from(a).equals(Buffer.from(b));
  }

  #hasSameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
    return a.length === b.length && a.every((item, i) => this.isSame(item, b[i]));
  }

  #isSameData(read: () => unknown, data: unknown): boolean {
    const before = this.#readsMemory;
    this.#readsMemory = true;
    try {
      return this.isSame(read(), data);
    } catch {
      // It was changed so that its codec cannot read it any more.
      return false;
    } finally {
      this.#readsMemory = before;
    }
  }
}

const flat = (map: ReadonlyMap<unknown, unknown>): unknown[] => {
  const items: unknown[] = [];
  for (const [key, item] of map) items.push(key, item);
  return items;
};

/**
 * Returns true if a value is still like the one that `copyValue` made of it, or it of that: what is copied is looked
 * into, all else must be the same object. Instances of registered classes are what their `encode` gives. What cannot be
 * read any more is not the same.
 */
export const isSame = (a: unknown, b: unknown, options: ComparisonOptions = {}): boolean =>
  attempt(() => new Comparison(options).isSame(a, b), false);
