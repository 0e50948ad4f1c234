import { nodeBuffers, views } from './buffers.js';
import { containerHandlerOf } from './builtIns.js';
import { type DecodingContext, type EncodedValue, isPlainPrototype, setOwn } from './encodedValues.js';
import { errors } from './errors.js';
import { decodeInstance } from './instances.js';
import type { FoundFunction } from './markedFunctions.js';
import { SerializationError, serializationErrorOf } from './serializationError.js';

/** Puts values back, in place, where an `Encoder` has left something else for them. */
export class Decoder implements DecodingContext {
  readonly #tag: object;
  readonly #functions: readonly FoundFunction[];
  readonly #decoded = new Map<object, unknown>();

  /** @param functions the functions that the message names, as they were found here */
  constructor(tag: object, functions: readonly FoundFunction[] = []) {
    this.#tag = tag;
    this.#functions = functions;
  }

  /** Goes on after an error: what was decoded before it stays what it has become. */
  resume(): void {
    for (const decoded of [...this.#decoded.values()])
      if (typeof decoded === 'object' && decoded !== null) this.#decoded.set(decoded, decoded);
  }

  decodeChild(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value;
    if (this.#decoded.has(value)) return this.#decoded.get(value);
    try {
      if ((value as { tag?: unknown }).tag === this.#tag)
        return this.keep(value, this.#decodeMarked(value as EncodedValue));
      this.keep(value, value);
      if (ArrayBuffer.isView(value)) return value;
      if (Array.isArray(value) || isPlainPrototype(Object.getPrototypeOf(value)))
        this.#decodeProperties(value as Record<string, unknown>);
      else containerHandlerOf(value)?.decode?.(value, this);
      return value;
    } catch (error) {
      // Whatever else holds it fails as well.
      this.#decoded.delete(value);
      throw error;
    }
  }

  keep<T>(encoded: object, decoded: T): T {
    this.#decoded.set(encoded, decoded);
    return decoded;
  }

  #decodeMarked(encoded: EncodedValue): unknown {
    switch (encoded.kind) {
      case 'instance':
        return decodeInstance(encoded, this);
      case 'buffer':
        return nodeBuffers.decode(encoded);
      case 'view':
        return views.decode(encoded);
      case 'error':
        return errors.decode(encoded, this);
      case 'function':
        return this.#functionAt(encoded.place);
    }
  }

  #functionAt(place: number): unknown {
    const found = this.#functions[place];
    if (typeof found === 'function') return found;
    throw found ?? new SerializationError('a function that its message does not name');
  }

  #decodeProperties(holder: Record<string, unknown>): void {
    for (const key of Object.keys(holder)) {
      const item = holder[key];
      if (typeof item === 'object' && item !== null) setOwn(holder, key, this.decodeChild(item));
    }
  }
}

/**
 * Decodes, in place, everything in a value that an `Encoder` has marked with `tag`.
 * @param functions the functions that the message names, as they were found here
 * @throws SerializationError where an instance cannot be made here, or a function was not found
 */
export const decode = (value: unknown, tag: object, functions: readonly FoundFunction[] = []): unknown =>
  new Decoder(tag, functions).decodeChild(value);

/** Decodes a thrown value as `Encoder.encodeThrown` made it. Where that cannot be done here, returns an error that says so. */
export function decodeThrown(value: unknown, tag: object): unknown {
  try {
    return decode(value, tag);
  } catch (error) {
    const why = serializationErrorOf(error, 'unreadable, as putting it together').text;
    return new Error(`the task threw a value that cannot be put together here: ${why}`);
  }
}
