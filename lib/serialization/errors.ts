import { inspect, types } from 'node:util';
import { attempt } from '../errors.js';
import type { EncodedError, Handler } from './encodedValues.js';

type ErrorClass = new (message?: string) => Error;

/** JavaScript's own error classes of one argument, as they were when this was loaded. */
const errorClasses = /* @__PURE__ */ (() =>
  new Map<string, ErrorClass>(
    [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError].map(Class => [
      Class.name,
      Class as ErrorClass,
    ]),
  ))();

/** A property of an error lies so much deeper in the message than the error: in a list of lists of names and values. */
const LEVELS = 3;

/** Returns any value as text, for want of the value itself. */
export const textOf = (value: unknown): string =>
  attempt(
    () => inspect(value, { depth: 1 }),
    attempt(() => Object.prototype.toString.call(value), 'a value that cannot be read'),
  );

/** Errors arrive as their nearest built-in class, with everything that is on them; parts that cannot cross as text. */
export const errors = {
  matches: value => types.isNativeError(value) || value instanceof Error,

  encode(error, context) {
    const base = baseOf(error);
    const own: [string, unknown, boolean][] = [];
    const message = attempt(() => String(error.message), 'its message cannot be read');
    // Noted before its properties are encoded: an error may hold itself.
    const encoded = context.keepEncoded(error, { tag: context.tag, kind: 'error', base, message, own });
    const name = Object.hasOwn(error, 'name') ? base : attempt(() => String(error.name), base);
    if (name !== base) own.push(['name', name, false]);
    for (const key of Object.getOwnPropertyNames(error)) {
      if (key === 'message') continue;
      const enumerable = Object.prototype.propertyIsEnumerable.call(error, key);
      const value = attempt(() => (error as unknown as Record<string, unknown>)[key], 'it cannot be read');
      // A request or a socket hangs on many an error: its text is better than no error at all.
      own.push([key, context.encodeChildOrText(value, key, LEVELS), enumerable]);
    }
    return encoded;
  },

  decode(encoded, context) {
    const error = context.keep(encoded, bareError(encoded));
    for (const [key, value, enumerable] of encoded.own) {
      // Of a DOMException they are getters of the prototype, and told to its constructor.
      if (encoded.base === 'DOMException' && (key === 'name' || key === 'code')) continue;
      Object.defineProperty(error, key, {
        value: context.decodeChild(value),
        enumerable,
        configurable: true,
        writable: true,
      });
    }
    return error;
  },
} satisfies Handler<Error, EncodedError>;

/** Returns the name of the nearest built-in class of an error. */
function baseOf(error: Error): string {
  for (let at: object | null = error; at; at = Object.getPrototypeOf(at)) {
    const name = Object.hasOwn(at, 'constructor') ? at.constructor.name : '';
    if (errorClasses.has(name) || name === 'AggregateError' || name === 'DOMException') return name;
  }
  return 'Error';
}

/** Makes an error without what is on it. */
function bareError({ base, message, own }: EncodedError): Error {
  if (base === 'AggregateError') return new AggregateError([], message);
  if (base === 'DOMException')
    return new DOMException(message, String(own.find(([key]) => key === 'name')?.[1] ?? 'Error'));
  return new (errorClasses.get(base) ?? Error)(message);
}
