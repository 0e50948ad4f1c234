import { types } from 'node:util';
import { attempt } from '../errors.js';
import { copyMemory } from './buffers.js';
import {
  isArrayPrototype,
  isDisguised,
  isPlainPrototype,
  isPrototypeOfClass,
  MAX_DEPTH,
  setOwn,
} from './encodedValues.js';
import { isCopiedBySlice } from './longArrays.js';
import { type RegisteredClass, registeredClass } from './registerClass.js';

export interface CopyOptions {
  /** True if typed arrays and ArrayBuffers are copied too; else the copy has the same ones. */
  readonly memory: boolean;
  /** True if an object is kept as it is where a copy would lack something of it, such as a getter. */
  readonly whole: boolean;
}

type Properties = Record<string, unknown>;

/** True if a record has more to it than values under names, or has functions, which may refer to it. */
const isMoreThanData = (value: object): boolean =>
  Object.getOwnPropertySymbols(value).length > 0 ||
  Object.values(Object.getOwnPropertyDescriptors(value)).some(
    ({ enumerable, get, set, value: held }) => get || set || !enumerable || typeof held === 'function',
  );

class Copier {
  readonly #options: CopyOptions;
  /** The copies of objects that were met so far. */
  readonly #copies = new Map<object, unknown>();
  /** Instances whose data is being copied. */
  #open: Set<object> | undefined;
  #depth = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
  }

  copy(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (this.#copies.has(value)) return this.#copies.get(value);
    // Values that cross are nested no deeper.
    if (this.#depth === MAX_DEPTH) return value;
    this.#depth += 1;
    try {
      return this.#copyObject(value);
    } finally {
      this.#depth -= 1;
    }
  }

  /** Copies what is under the names of an object, and gives the copy the same names. */
  copyInto<T extends object>(copy: T, value: object): T {
    this.#copies.set(value, copy);
    for (const key of Object.keys(value)) setOwn(copy, key, this.copy((value as Properties)[key]));
    return copy;
  }

  #copyObject(value: object): unknown {
    const prototype = Object.getPrototypeOf(value) as object | null;
    const isArray = Array.isArray(value) && isArrayPrototype(prototype);
    const isRecord = isPlainPrototype(prototype) && !isDisguised(value, prototype);
    if (isArray) return this.#copyArray(value);
    if (isRecord) {
      if (this.#options.whole && isMoreThanData(value)) return value;
      return this.copyInto(prototype === null ? Object.create(null) : {}, value);
    }
    if (prototype === null || isPlainPrototype(prototype)) return value;
    const known = registeredClass(prototype);
    if (known) return this.#copyInstance(value, known);
    return this.#copyBuiltIn(value, prototype);
  }

  #copyArray(value: readonly unknown[]): unknown {
    if (isCopiedBySlice(value)) return this.#keep(value, value.slice());
    return this.copyInto(new Array(value.length), value);
  }

  /** Copies an instance by its codec, and keeps it as it is where that throws, or its data holds it. */
  #copyInstance(value: object, { encode, decode }: RegisteredClass): unknown {
    this.#open ??= new Set();
    if (this.#open.has(value)) throw new TypeError('an instance that holds itself');
    this.#open.add(value);
    const made = attempt(() => decode(this.copy(encode(value))), value);
    // A codec may make something else of it, which is for workers.
    const copy = Object.getPrototypeOf(made) === Object.getPrototypeOf(value) ? made : value;
    this.#open.delete(value);
    return this.#keep(value, copy);
  }

  #copyBuiltIn(value: object, prototype: object): unknown {
    // Of a typed array the keys are its indices.
    if (!ArrayBuffer.isView(value) && Object.keys(value).length > 0) return value;
    if (types.isMap(value) && isPrototypeOfClass(prototype, Map)) {
      const copy = this.#keep(value, new Map<unknown, unknown>());
      for (const [key, item] of value) copy.set(this.copy(key), this.copy(item));
      return copy;
    }
    if (types.isSet(value) && isPrototypeOfClass(prototype, Set)) {
      const copy = this.#keep(value, new Set<unknown>());
      for (const item of value) copy.add(this.copy(item));
      return copy;
    }
    if (types.isDate(value) && isPrototypeOfClass(prototype, Date))
      return this.#keep(value, new Date(value.getTime()));
    if (types.isRegExp(value) && isPrototypeOfClass(prototype, RegExp)) {
      const copy = new RegExp(value.source, value.flags);
      copy.lastIndex = value.lastIndex;
      return this.#keep(value, copy);
    }
    if (this.#options.memory && (ArrayBuffer.isView(value) || types.isArrayBuffer(value)))
      return this.#keep(value, copyOfMemory(value, prototype));
    return value;
  }

  #keep<T>(value: object, copy: T): T {
    this.#copies.set(value, copy);
    return copy;
  }
}

/** Returns a copy of memory, or the memory itself where it cannot be copied. */
const copyOfMemory = (value: ArrayBufferView | ArrayBuffer, prototype: object): object =>
  attempt(() => copyMemory(value, prototype), value);

/**
 * Copies arrays, plain objects, Maps, Sets, Dates, RegExps and instances of registered classes, and keeps all else as it
 * is. Identity is kept inside the copy.
 * @throws what a getter throws
 */
export function copyValue(value: unknown, options: CopyOptions): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value))
    return options.memory ? copyOfMemory(value, Object.getPrototypeOf(value)) : value;
  return new Copier(options).copy(value);
}

/** Copies a list and a record as `copyValue` copies what they hold: they are copied themselves, whatever that is. */
export function copyBoth<L extends readonly unknown[], R extends object | undefined>(
  list: L,
  record: R,
  options: CopyOptions,
): [L, R] {
  const copier = new Copier(options);
  const copied = copier.copyInto([], list) as unknown as L;
  return [copied, record && copier.copyInto(Object.create(Object.getPrototypeOf(record)), record)];
}
