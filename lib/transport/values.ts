import { inspect, types } from 'node:util';
import { MessagePort } from 'node:worker_threads';
import type { Movable } from '../protocol.js';
import { registeredClass } from './registerClass.js';
import { isTransfer } from './transfer.js';

/** Thrown while a value is encoded or decoded; the caller knows which value it was, and says so. */
export class Untransferable extends Error {
  constructor(
    readonly why: string,
    public path = '',
    /** Whether it is about the value as a whole: no place inside it is to blame. */
    readonly whole = false,
  ) {
    super(why);
  }

  /** The place, as far as it is known by now, and what is wrong there. */
  get text(): string {
    return `${this.path || 'it'} is ${this.why}`;
  }
}

/** A row that holds itself cannot be taken apart into columns: it must be encoded as one. */
export class HoldsItself extends Error {}

/** Whatever else is thrown while a value is read: by a getter, a detached buffer, a codec. */
export function unreadable(error: unknown, what = 'unreadable, as reading it'): Untransferable | HoldsItself {
  if (error instanceof Untransferable || error instanceof HoldsItself) return error;
  return new Untransferable(
    `${what} threw ${error instanceof Error ? `${error.name}: ${error.message}` : inspect(error)}`,
  );
}

/** What stands in a message for a value that structured clone does not carry as it is. */
type Encoded = { readonly tag: object } & (
  | { readonly kind: 'instance'; readonly name: string; readonly data: unknown }
  | { readonly kind: 'buffer'; readonly bytes: Uint8Array }
  | { readonly kind: 'view'; readonly view: ArrayBufferView }
  | EncodedError
);

interface EncodedError {
  readonly kind: 'error';
  readonly base: string;
  readonly message: string;
  /** Own properties but for `message`: name, value, enumerable. */
  readonly own: readonly (readonly [string, unknown, boolean])[];
}

/** Below this many bytes a copy costs less than handing over the memory (`bench/constants.ts`). */
const MOVE_FROM = 4096;

/** Values nested deeper are told, as copies of them would overflow the stack, here or on the other side. */
const DEEPEST = 1000;

/** Larger arrays are cloned natively: to list their keys would cost more (`bench/constants.ts`). */
const LISTED_LENGTH = 64;

const isObjectLike = (value: unknown): value is object | symbol =>
  (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol';

/** The prototype of plain objects, of this realm or another one, or none. */
const isRoot = (prototype: object | null): boolean =>
  prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;

const isArrayRoot = (prototype: object | null): boolean =>
  prototype === Array.prototype ||
  (Array.isArray(prototype) && isRoot(Object.getPrototypeOf(prototype)) && prototype.length === 0);

/** Node's own cloneable classes (Blob, KeyObject, BlockList, …) carry a method under this symbol. */
const isCloneable = (value: object): boolean => {
  for (let at: object | null = value; at; at = Object.getPrototypeOf(at))
    if (Object.getOwnPropertySymbols(at).some(symbol => symbol.description === 'messaging_clone_symbol'))
      return true;
  return types.isExternal(value) || Object.prototype.toString.call(value) === '[object WebAssembly.Module]';
};

function setOwn(target: object, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else (target as Record<string, unknown>)[key] = value;
}

const step = (key: string | number): string =>
  typeof key === 'number'
    ? `[${key}]`
    : /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
      ? `.${key}`
      : `[${JSON.stringify(key)}]`;

/**
 * Turns values into what structured clone carries without loss, as they are at that moment.
 *
 * It copies, for four reasons at once: a task may go on to change what it returned, a typed array must travel without
 * the buffer behind it, instances of classes need their codecs, and what cannot cross must be found and named.
 * What it had to encode is marked by `tag`, an object of this message alone: structured clone keeps identity, so no
 * value of a user can be mistaken for a mark.
 */
export class Encoder {
  readonly tag: object = {};
  /** Whether anything was marked, so that the other side must look for it. */
  tagged = false;
  /** Memory that nobody on this side needs any more. */
  readonly moved = new Set<Movable>();
  #seen: Map<object, unknown> | undefined;
  /** The value whose parts are encoded one by one. */
  #whole: unknown;
  #depth = 0;
  #moving = false;

  /**
   * @param threads whether the other side shares memory with this one
   * @param results whether `transfer()` may move memory away: a task's own, never a caller's
   */
  constructor(
    readonly threads: boolean,
    readonly results: boolean,
  ) {}

  /** A value that stands alone: a row, an input, one of `args`. Identity is kept inside it. */
  encode(value: unknown): unknown {
    if (!isObjectLike(value)) return value;
    this.startValue(undefined);
    return this.#child(value);
  }

  /**
   * A part of the value that `encode` would take next: call `startValue()` with it, then this for each part.
   * @throws HoldsItself where the value itself is inside the part
   */
  encodePart(value: unknown, key: string | number): unknown {
    return this.#child(value, key);
  }

  startValue(whole: unknown): void {
    this.#seen = undefined;
    this.#whole = whole;
    this.#depth = 0;
  }

  /** A thrown value: there is always something to report, also where a part of it cannot cross. */
  encodeThrown(error: unknown): unknown {
    try {
      return this.encode(error);
    } catch (failure) {
      if (!(failure instanceof Untransferable)) throw failure;
      return this.encode(
        new Error(`the task threw ${inspect(error, { depth: 1 })}, which cannot cross: ${failure.text}`),
      );
    }
  }

  #child(value: unknown, key?: string | number): unknown {
    if (!isObjectLike(value)) return value;
    if (this.#depth === DEEPEST)
      throw new Untransferable(`nested more than ${DEEPEST} deep; pass it as flat data`, '', true);
    this.#depth += 1;
    try {
      return this.#object(value);
    } catch (error) {
      const failure = unreadable(error);
      if (key !== undefined && failure instanceof Untransferable && !failure.whole)
        failure.path = step(key) + failure.path;
      throw failure;
    } finally {
      this.#depth -= 1;
    }
  }

  #object(value: object | symbol): unknown {
    if (typeof value === 'symbol')
      throw new Untransferable(`${String(value)}, and symbols stay in their thread`);
    if (typeof value === 'function')
      throw new Untransferable(
        `${/^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function'}${(value as { name: string }).name && ` (${(value as { name: string }).name})`}; send data, and let the task's module import the code`,
      );
    const seen = this.#seen?.get(value);
    if (seen !== undefined) return seen;
    if (value === this.#whole) throw new HoldsItself();
    if (this.results && !this.#moving && isTransfer(value)) return this.#transfer(value);
    this.#seen ??= new Map();

    const prototype = Object.getPrototypeOf(value) as object | null;
    if (Array.isArray(value) && isArrayRoot(prototype)) return this.#array(value);
    const known = prototype && registeredClass(prototype);
    if (known)
      return this.#mark(value, {
        kind: 'instance',
        name: known.name,
        data: this.#child(guarded(known.name, 'encode', () => known.encode(value))),
      });
    if (isRoot(prototype)) return this.#record(value as Record<string, unknown>);
    return this.#builtIn(value, prototype as object);
  }

  #mark(value: object, encoded: { kind: string } & Record<string, unknown>): unknown {
    this.tagged = true;
    const marked = { tag: this.tag, ...encoded };
    this.#seen?.set(value, marked);
    return marked;
  }

  #transfer(value: object): unknown {
    this.#moving = true;
    try {
      return this.#object(value);
    } finally {
      this.#moving = false;
    }
  }

  #array(value: readonly unknown[]): unknown {
    if (value.length > LISTED_LENGTH && value.every(item => !isObjectLike(item))) {
      try {
        return this.#keep(value, structuredClone(value));
      } catch {
        // A further property of the array cannot be cloned: the way below finds it.
      }
    }
    const copy: unknown[] = new Array(value.length);
    this.#seen?.set(value, copy);
    const keys = Object.keys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      // The indices come first and in order; beyond the holes they are equal to i.
      const index = key === String(i) ? i : key;
      if (typeof index === 'number') copy[index] = this.#child(value[index], index);
      else
        setOwn(
          copy,
          key,
          this.#child(
            (value as unknown as Record<string, unknown>)[key],
            Number.isInteger(+key) ? +key : key,
          ),
        );
    }
    return copy;
  }

  #record(value: Record<string, unknown>): unknown {
    const copy: Record<string, unknown> = {};
    this.#seen?.set(value, copy);
    for (const key of Object.keys(value)) setOwn(copy, key, this.#child(value[key], key));
    return copy;
  }

  #builtIn(value: object, prototype: object): unknown {
    const is = (Class: { prototype: object; name: string }) =>
      prototype === Class.prototype ||
      // Of another realm: the same name, one step above the root.
      (prototype.constructor?.name === Class.name && isRoot(Object.getPrototypeOf(prototype)));
    if (types.isMap(value) && is(Map)) {
      const copy = new Map();
      this.#seen?.set(value, copy);
      let i = 0;
      for (const [key, item] of value) {
        copy.set(
          this.#child(key, `key ${i}`),
          this.#child(item, isObjectLike(key) ? `entry ${i}` : String(key)),
        );
        i += 1;
      }
      return copy;
    }
    if (types.isSet(value) && is(Set)) {
      const copy = new Set();
      this.#seen?.set(value, copy);
      let i = 0;
      for (const item of value) copy.add(this.#child(item, i++));
      return copy;
    }
    if (types.isDate(value) && is(Date)) return this.#keep(value, new Date(value.getTime()));
    if (types.isRegExp(value) && is(RegExp)) return this.#keep(value, new RegExp(value.source, value.flags));
    if (types.isBoxedPrimitive(value) && [Number, String, Boolean, BigInt].some(is)) return value;
    if (types.isNativeError(value) || value instanceof Error) return this.#error(value as Error);
    if (ArrayBuffer.isView(value)) return this.#view(value, prototype);
    if (types.isSharedArrayBuffer(value)) {
      if (!this.threads)
        throw new Untransferable('a SharedArrayBuffer, which only threads can share; use threads()');
      return value;
    }
    if (types.isArrayBuffer(value)) return this.#keep(value, this.#buffer(value));
    if (isCloneable(value)) {
      if (!this.threads)
        throw new Untransferable(`a ${prototype.constructor.name}, which does not cross to another process`);
      return value;
    }
    if (this.#moving && this.threads && value instanceof MessagePort) {
      this.moved.add(value);
      return value;
    }
    if (types.isPromise(value)) throw new Untransferable('a Promise; await it first');
    const name = prototype.constructor?.name || 'an unnamed class';
    throw new Untransferable(
      `an instance of ${name}, whose methods and private fields would be lost; registerClass(${name}, { encode, decode }) in a module that both sides import, or pass plain data`,
    );
  }

  #keep<T>(value: object, copy: T): T {
    this.#seen?.set(value, copy);
    return copy;
  }

  #buffer(buffer: ArrayBuffer): ArrayBuffer {
    if (this.#moving) {
      this.moved.add(buffer);
      return buffer;
    }
    // A resizable one is cloned natively, with its maximum; a copy would lose that.
    if ((buffer as { resizable?: boolean }).resizable) return buffer;
    return this.#own(buffer.slice(0));
  }

  #own(buffer: ArrayBuffer): ArrayBuffer {
    if (this.threads && buffer.byteLength >= MOVE_FROM) this.moved.add(buffer);
    return buffer;
  }

  #view(view: ArrayBufferView, prototype: object): unknown {
    if (types.isSharedArrayBuffer(view.buffer)) {
      if (!this.threads)
        throw new Untransferable(
          'a view of a SharedArrayBuffer, which only threads can share; use threads()',
        );
      return view;
    }
    const whole = view.byteLength === view.buffer.byteLength;
    let own: ArrayBuffer;
    if (this.#moving && whole && this.threads) {
      own = view.buffer as ArrayBuffer;
      this.moved.add(own);
    } else
      own = this.#own((view.buffer as ArrayBuffer).slice(view.byteOffset, view.byteOffset + view.byteLength));
    if (prototype === Buffer.prototype)
      return this.#mark(view, { kind: 'buffer', bytes: new Uint8Array(own) });
    const kind = types.isDataView(view) ? 'DataView' : Object.prototype.toString.call(view).slice(8, -1);
    if (prototype.constructor?.name !== kind)
      throw new Untransferable(
        `an instance of ${prototype.constructor?.name}, which would arrive as a ${kind}; registerClass it, or pass a ${kind}`,
      );
    const Constructor = (
      globalThis as unknown as Record<string, new (buffer: ArrayBuffer) => ArrayBufferView>
    )[kind];
    const copy = new (Constructor as new (buffer: ArrayBuffer) => ArrayBufferView)(own);
    // Between processes a view would be received as a part of the whole message; the mark has it cut out there.
    return this.threads ? this.#keep(view, copy) : this.#mark(view, { kind: 'view', view: copy });
  }

  #error(error: Error): unknown {
    let base = 'Error';
    for (let at: object | null = error; at; at = Object.getPrototypeOf(at)) {
      const name = Object.hasOwn(at, 'constructor') ? at.constructor.name : '';
      if (errorClasses.has(name)) {
        base = name;
        break;
      }
    }
    const own: (readonly [string, unknown, boolean])[] = [];
    const marked = this.#mark(error, { kind: 'error', base, message: String(error.message), own });
    const add = (key: string, value: unknown, enumerable: boolean) => {
      let crossing: unknown;
      try {
        crossing = this.#child(value, key);
      } catch (failure) {
        if (!(failure instanceof Untransferable)) throw failure;
        // A request or a socket hangs on many an error: its text is better than no error at all.
        crossing = inspect(value, { depth: 0 });
      }
      own.push([key, crossing, enumerable]);
    };
    if (!Object.hasOwn(error, 'name') && error.name !== base) add('name', error.name, false);
    for (const key of Object.getOwnPropertyNames(error))
      if (key !== 'message')
        add(
          key,
          (error as unknown as Record<string, unknown>)[key],
          Object.prototype.propertyIsEnumerable.call(error, key),
        );
    return marked;
  }
}

const errorClasses = new Map<string, new (message?: string) => Error>(
  [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(Class => [
    Class.name,
    Class as new (message?: string) => Error,
  ]),
);
errorClasses.set(
  'AggregateError',
  class extends AggregateError {
    constructor(message?: string) {
      super([], message);
    }
  },
);
errorClasses.set('DOMException', DOMException as unknown as new (message?: string) => Error);

/** An error without what is on it. */
function bareError({ base, message, own }: EncodedError): Error {
  if (base === 'AggregateError') return new AggregateError([], message);
  if (base === 'DOMException')
    return new DOMException(message, String(own.find(([key]) => key === 'name')?.[1] ?? 'Error'));
  return new (errorClasses.get(base) ?? Error)(message);
}

function fillError(
  error: Error,
  { base, own }: EncodedError,
  decodeChild: (value: unknown) => unknown,
): void {
  for (const [key, value, enumerable] of own)
    if (base !== 'DOMException' || (key !== 'name' && key !== 'code'))
      Object.defineProperty(error, key, {
        value: decodeChild(value),
        enumerable,
        configurable: true,
        writable: true,
      });
}

/** Calls a part of a class's codec; what that throws is told of the instance. */
function guarded<T>(name: string, part: 'encode' | 'decode', call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw unreadable(error, `an instance of ${name}, whose \`${part}\` given to registerClass`);
  }
}

/** A thrown value as `Encoder.encodeThrown` made it; where a class is not known here, an error that says so. */
export function decodeThrown(value: unknown, tag: object): unknown {
  try {
    return decode(value, tag);
  } catch (error) {
    if (!(error instanceof Untransferable)) throw error;
    return new Error(`the task threw a value that cannot be put together here: ${error.text}`);
  }
}

/** Puts back, in place, what an `Encoder` has marked with `tag`. */
export function decode(value: unknown, tag: object): unknown {
  const done = new Map<object, unknown>();
  const visit = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (done.has(value)) return done.get(value);
    if ((value as { tag?: unknown }).tag === tag) {
      const encoded = value as Encoded;
      if (encoded.kind === 'error') {
        // An error may hold itself.
        const error = bareError(encoded);
        done.set(value, error);
        fillError(error, encoded, visit);
        return error;
      }
      const decoded = open(encoded);
      done.set(value, decoded);
      return decoded;
    }
    done.set(value, value);
    if (ArrayBuffer.isView(value)) return value;
    if (types.isMap(value)) {
      // All before any: where one cannot be opened, none is lost.
      const entries = Array.from(value, ([key, item]) => [visit(key), visit(item)] as const);
      value.clear();
      for (const [key, item] of entries) value.set(key, item);
    } else if (types.isSet(value)) {
      const items = Array.from(value, visit);
      value.clear();
      for (const item of items) value.add(item);
    } else if (Array.isArray(value) || isRoot(Object.getPrototypeOf(value))) {
      for (const key of Object.keys(value)) {
        const item = (value as Record<string, unknown>)[key];
        if (typeof item === 'object' && item !== null) setOwn(value, key, visit(item));
      }
    }
    return value;
  };
  const open = (encoded: Exclude<Encoded, EncodedError>): unknown => {
    switch (encoded.kind) {
      case 'instance': {
        const known = registeredClass(encoded.name);
        if (!known)
          throw new Untransferable(
            `an instance of ${encoded.name}, which is not registered here; registerClass(${encoded.name}, …) in a module that the task's module imports, and name the task with task()`,
          );
        const data = visit(encoded.data);
        return guarded(encoded.name, 'decode', () => known.decode(data));
      }
      case 'buffer':
        return Buffer.from(
          encoded.bytes.buffer as ArrayBuffer,
          encoded.bytes.byteOffset,
          encoded.bytes.byteLength,
        );
      case 'view': {
        const { view } = encoded;
        if (view.byteLength === view.buffer.byteLength) return view;
        const Constructor = view.constructor as new (buffer: ArrayBuffer) => ArrayBufferView;
        return new Constructor(
          (view.buffer as ArrayBuffer).slice(view.byteOffset, view.byteOffset + view.byteLength),
        );
      }
    }
  };
  return visit(value);
}
