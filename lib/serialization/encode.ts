import { inspect, types } from 'node:util';
import { MessagePort } from 'node:worker_threads';
import { describeThrown } from '../errors.js';
import type { Transferable } from '../protocol/messages.js';
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

function isOurs(error: unknown): error is Untransferable | HoldsItself {
  try {
    return error instanceof Untransferable || error instanceof HoldsItself;
  } catch {
    // A Proxy that was revoked.
    return false;
  }
}

/** Whatever else is thrown while a value is read: by a getter, a detached buffer, a codec. */
export function unreadable(error: unknown, what = 'unreadable, as reading it'): Untransferable | HoldsItself {
  if (isOurs(error)) return error;
  return new Untransferable(`${what} threw ${describeThrown(error).replace(/^it threw /, '')}`);
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

/** As it was when this was loaded: tasks may replace it. */
const cloneNow = structuredClone;

/** Below this many bytes a copy costs less than handing over the memory (`bench/constants.ts`). */
const MOVE_FROM = 4096;

/** Values nested deeper are told, as copies of them would overflow the stack, here or on the other side. */
const DEEPEST = 1000;

/** Larger arrays of single values are copied at once: to list their keys would cost more (`bench/constants.ts`). */
const LISTED_LENGTH = 64;

const isObjectLike = (value: unknown): value is object | symbol =>
  (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol';

/** The prototype of plain objects, of this realm or another one, or none. That of `class extends null` is none of them. */
export const isRoot = (prototype: object | null): boolean =>
  prototype === null ||
  prototype === Object.prototype ||
  (Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf') &&
    prototype.constructor?.name === 'Object');

/** Classes of Node whose clones go on to change with the original: there is no way to send one as it is now. */
const SHARED_STATE = ['BlockList', 'Histogram', 'RecordableHistogram', 'IntervalHistogram'];

/** What `inspect` shows of an array of so many items that has no further properties, none of the items shown. */
const bareArray = (length: number): string => `[ ... ${length} more item${length === 1 ? '' : 's'} ]`;

/**
 * Whether an array has no properties but its items.
 *
 * `Object.keys` would make a string for each index. `inspect` asks V8 for the others alone; what it shows otherwise, in
 * another version too, is taken for one that has some.
 */
const isBareArray = (value: readonly unknown[]): boolean =>
  !types.isProxy(value) &&
  inspect(value, {
    maxArrayLength: 0,
    depth: 0,
    customInspect: false,
    getters: false,
    breakLength: Infinity,
  }) === bareArray(value.length);

const isArrayRoot = (prototype: object | null): boolean =>
  prototype === Array.prototype ||
  (Array.isArray(prototype) && isRoot(Object.getPrototypeOf(prototype)) && prototype.length === 0);

/** Whether memory can be moved. A list that names it twice is refused for that, before anything is moved, and only then. */
function isMovable(buffer: ArrayBuffer): boolean {
  try {
    cloneNow(0, { transfer: [buffer, buffer] });
    return false;
  } catch (error) {
    return /duplicate/i.test((error as Error).message);
  }
}

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
  readonly moved = new Set<Transferable>();
  #seen: Map<object, unknown> | undefined;
  /** The value whose parts are encoded one by one. */
  #whole: unknown;
  #depth = 0;
  #moving = false;
  /** Whether a part that cannot cross becomes its text. */
  #lenient = false;

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

  /**
   * A thrown value: there is always something to report. A part of it that cannot cross becomes its text, and all else
   * stays as it is.
   */
  encodeThrown(error: unknown): unknown {
    this.#lenient = true;
    try {
      return this.encode(error);
    } catch (failure) {
      const why = failure instanceof Untransferable ? `, which cannot cross: ${failure.text}` : '';
      return this.encode(new Error(`the task threw ${textOf(error)}${why}`));
    } finally {
      this.#lenient = false;
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
      if (this.#lenient && key !== undefined) return textOf(value);
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

  /** A property, as far as it can be read. */
  #property(holder: object, name: string, key: string | number): unknown {
    let value: unknown;
    try {
      value = (holder as Record<string, unknown>)[name];
    } catch (error) {
      const failure = unreadable(error);
      if (this.#lenient && failure instanceof Untransferable) return `(${failure.why})`;
      throw failure;
    }
    return this.#child(value, key);
  }

  #array(value: readonly unknown[]): unknown {
    // A slice keeps the holes, and nothing else but the items.
    if (value.length > LISTED_LENGTH && isBareArray(value) && value.every(item => !isObjectLike(item)))
      return this.#keep(value, value.slice());
    const copy: unknown[] = new Array(value.length);
    this.#seen?.set(value, copy);
    const keys = Object.keys(value);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      // The indices come first and in order; beyond the holes they are equal to i.
      const index = key === String(i) ? i : key;
      if (typeof index === 'number') copy[index] = this.#property(value, key, index);
      else setOwn(copy, key, this.#property(value, key, Number.isInteger(+key) ? +key : key));
    }
    return copy;
  }

  #record(value: Record<string, unknown>): unknown {
    const copy: Record<string, unknown> = {};
    this.#seen?.set(value, copy);
    for (const key of Object.keys(value)) setOwn(copy, key, this.#property(value, key, key));
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
    if (types.isArrayBuffer(value) && is(ArrayBuffer)) return this.#keep(value, this.#buffer(value));
    if (isCloneable(value)) return this.#platform(value, prototype);
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

  /** A value of a class of Node's own: cloned now, as it is now, where its clone is the same. */
  #platform(value: object, prototype: object): unknown {
    const name = prototype.constructor?.name || 'an unnamed class';
    if (!this.threads) throw new Untransferable(`a ${name}, which does not cross to another process`);
    if (
      SHARED_STATE.includes(Object.prototype.toString.call(value).slice(8, -1)) ||
      SHARED_STATE.includes(name)
    )
      throw new Untransferable(
        `a ${name}, which would go on to change after it was sent; pass what it holds`,
      );
    let clone: object;
    try {
      clone = cloneNow(value);
    } catch {
      throw new Untransferable(`a ${name} that cannot be cloned; pass what it holds`);
    }
    if (Object.getPrototypeOf(clone) !== prototype)
      throw new Untransferable(
        `an instance of ${name}, which would arrive as a ${clone.constructor?.name}; pass that, or plain data`,
      );
    return this.#keep(value, clone);
  }

  #keep<T>(value: object, copy: T): T {
    this.#seen?.set(value, copy);
    return copy;
  }

  #buffer(buffer: ArrayBuffer): ArrayBuffer {
    if (this.#moving && this.threads) return this.#move(buffer);
    const { resizable, maxByteLength } = buffer as { resizable?: boolean; maxByteLength?: number };
    if (!resizable) return this.#own(buffer.slice(0));
    // As it is now, with its maximum.
    const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
    const copy = new Resizable(buffer.byteLength, { maxByteLength });
    new Uint8Array(copy).set(new Uint8Array(buffer));
    return copy;
  }

  /** Memory that is to be moved; that of a WebAssembly module cannot be taken from it, and is copied as it is now. */
  #move(buffer: ArrayBuffer): ArrayBuffer {
    if (!isMovable(buffer)) return this.#own(buffer.slice(0));
    this.moved.add(buffer);
    return buffer;
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
    if (this.#moving && whole && this.threads) own = this.#move(view.buffer as ArrayBuffer);
    else
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
    const message = readText(() => error.message, 'its message cannot be read');
    const marked = this.#mark(error, { kind: 'error', base, message, own });
    const add = (key: string, value: unknown, enumerable: boolean) => {
      let crossing: unknown;
      try {
        crossing = this.#child(value, key);
      } catch {
        // A request or a socket hangs on many an error: its text is better than no error at all.
        crossing = textOf(value);
      }
      own.push([key, crossing, enumerable]);
    };
    const name = Object.hasOwn(error, 'name') ? base : readText(() => error.name, base);
    if (name !== base) add('name', name, false);
    for (const key of Object.getOwnPropertyNames(error)) {
      if (key === 'message') continue;
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, key);
      let value: unknown;
      try {
        value = (error as unknown as Record<string, unknown>)[key];
      } catch {
        value = 'it cannot be read';
      }
      add(key, value, enumerable);
    }
    return marked;
  }
}

/** A text that code of the user may be behind. */
function readText(read: () => unknown, otherwise: string): string {
  try {
    return String(read());
  } catch {
    return otherwise;
  }
}

/** Any value as text, for want of itself. */
const textOf = (value: unknown): string =>
  readText(
    () => inspect(value, { depth: 1 }),
    readText(() => Object.prototype.toString.call(value), 'a value that cannot be read'),
  );

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
