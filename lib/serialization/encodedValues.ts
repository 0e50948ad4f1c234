import { types } from 'node:util';
import type { Transferable } from '../protocol/messages.js';

/**
 * Stands in a message for a value that structured clone does not carry as it is.
 *
 * `tag` is an object of this message alone. Structured clone keeps identity, so no value of a user can be mistaken for
 * an encoded one.
 */
export type EncodedValue = EncodedInstance | EncodedError | EncodedBuffer | EncodedView | EncodedFunction;

/** Messages are nested no deeper, as copies of them would overflow the stack, here or where V8 reads them: at some 2,600. */
export const MAX_DEPTH = 1000;

/** An instance of a registered class, as the data that its codec made. */
export interface EncodedInstance {
  readonly tag: object;
  readonly kind: 'instance';
  readonly name: string;
  readonly data: unknown;
}

/** An error, of which structured clone would keep its message and stack only. */
export interface EncodedError {
  readonly tag: object;
  readonly kind: 'error';
  /** The nearest of JavaScript's own error classes. */
  readonly base: string;
  readonly message: string;
  /** Own properties but for `message`: name, value, enumerable. */
  readonly own: readonly (readonly [string, unknown, boolean])[];
}

/** A `Buffer`, which structured clone would turn into a Uint8Array. */
export interface EncodedBuffer {
  readonly tag: object;
  readonly kind: 'buffer';
  readonly bytes: Uint8Array;
}

/** A view that another process would receive as a part of the whole message. */
export interface EncodedView {
  readonly tag: object;
  readonly kind: 'view';
  readonly view: ArrayBufferView;
}

/** A function that was marked by `task()`: its place in the list of functions that goes with the message. */
export interface EncodedFunction {
  readonly tag: object;
  readonly kind: 'function';
  readonly place: number;
}

/** The part of an encoder that handlers use. */
export interface EncodingContext {
  /** Marks the values that are encoded. */
  readonly tag: object;
  /** True if the other side is a thread: memory can be shared with it, and transferred to it. */
  readonly sharedMemory: boolean;
  /** True inside a value that `transfer()` has marked. */
  readonly transferring: boolean;
  readonly transferList: Set<Transferable>;
  /**
   * Encodes a value inside the one that is being encoded.
   * @param key its place, for the path of an error
   * @param levels how much deeper it lies in the message than the value around it; 1 by default
   */
  encodeChild(value: unknown, key?: string | number, levels?: number): unknown;
  /** Does the same; where the value cannot cross, its text stands for it. */
  encodeChildOrText(value: unknown, key: string | number, levels?: number): unknown;
  /** Notes and returns what stands for a value, wherever else the value stands. */
  keep<T>(value: object, copy: T): T;
  /** Does the same with something that the other side must decode. */
  keepEncoded(value: object, encoded: EncodedValue): EncodedValue;
}

/** The part of a decoder that handlers use. */
export interface DecodingContext {
  decodeChild(value: unknown): unknown;
  /** Notes and returns what an encoded value has become, wherever else it stands. */
  keep<T>(encoded: object, decoded: T): T;
}

/** Carries the values of one kind. */
export interface Handler<Value extends object = object, Encoded extends object = Value> {
  /** True if this handler is responsible for the value: it encodes or refuses it. */
  matches(value: object, prototype: object): boolean;
  /**
   * Returns what structured clone carries.
   * @throws SerializationError where the value cannot cross
   */
  encode(value: Value, context: EncodingContext, prototype: object): unknown;
  /** Returns the value again, on the other side. Left out where what arrives is the value. */
  decode?(encoded: Encoded, context: DecodingContext): unknown;
}

/** True if a value can be anything but itself when it arrives, or cannot cross. */
export const isObjectLike = (value: unknown): value is object | symbol =>
  (typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol';

/** True if it is the prototype of plain objects, of this realm or another one, or none. That of `class extends null` is not. */
export const isPlainPrototype = (prototype: object | null): boolean =>
  prototype === null ||
  prototype === Object.prototype ||
  (Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, 'isPrototypeOf') &&
    prototype.constructor?.name === 'Object');

/** True if it is the prototype of arrays, of this realm or another one. */
export const isArrayPrototype = (prototype: object | null): boolean =>
  prototype === Array.prototype ||
  (Array.isArray(prototype) && isPlainPrototype(Object.getPrototypeOf(prototype)) && prototype.length === 0);

const objectToString = /* @__PURE__ */ (() => Object.prototype.toString)();

/** Namespaces of JavaScript: plain objects whose members are hidden. */
const namespaces: ReadonlySet<unknown> = /* @__PURE__ */ (() =>
  new Set(
    ['Math', 'JSON', 'Reflect', 'Intl', 'Atomics', 'WebAssembly', 'Temporal'].map(
      name => (globalThis as Record<string, unknown>)[name],
    ),
  ))();

/**
 * True for a plain object by its prototype that is none inside: the `arguments` of a function, or a Date, Map or other
 * built-in whose prototype was taken away; or a namespace.
 */
export const isDisguised = (value: object, prototype: object | null): boolean => {
  if (objectToString.call(value) !== '[object Object]')
    return !(Symbol.toStringTag in value) || namespaces.has(value);
  return (
    prototype === null &&
    (types.isMap(value) || types.isSet(value) || types.isPromise(value) || ArrayBuffer.isView(value))
  );
};

/** True if it is the prototype of exactly this built-in class, of this realm or another one. */
export const isPrototypeOfClass = (prototype: object, Class: { prototype: object; name: string }): boolean =>
  prototype === Class.prototype ||
  // Of another realm: the same name, one step above the plain objects.
  (prototype.constructor?.name === Class.name && isPlainPrototype(Object.getPrototypeOf(prototype)));

/** Sets a property of the object itself, whatever its name. */
export function setOwn(target: object, key: string, value: unknown): void {
  // An inherited property may be a setter, or frozen.
  if (key in Object.prototype)
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else (target as Record<string, unknown>)[key] = value;
}
