import { MessageError } from './errors.js';

/** The most characters of a text that an error repeats. */
const MAX_SHOWN = 60;

/** Describes a value of a message in a few words. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'bigint') return 'a bigint';
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return kind === 'Object' ? 'an object' : `a ${kind}`;
}

/** @throws MessageError: says which part of a message is wrong, what was expected there and what came */
export function reject(path: string, expected: string, got: string): never {
  throw new MessageError(`${path} must be ${expected}, got ${got}`);
}

export const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

/** An object of a message and its path: reads own properties only, and rejects those of another kind. */
export class Fields {
  readonly #object: object;

  /** @throws MessageError where the value is no object */
  constructor(
    readonly path: string,
    value: unknown,
  ) {
    this.#object = isObject(value) ? value : reject(path, 'an object', describeValue(value));
  }

  /** Returns what a property holds, `undefined` where the object has none of that name itself. */
  value(key: string): unknown {
    return Object.hasOwn(this.#object, key) ? (this.#object as Record<string, unknown>)[key] : undefined;
  }

  /** @throws MessageError: says what the property was expected to be */
  reject(key: string, expected: string): never {
    return reject(`${this.path}.${key}`, expected, describeValue(this.value(key)));
  }

  fields(key: string): Fields {
    return new Fields(`${this.path}.${key}`, this.value(key));
  }

  text(key: string): string {
    const value = this.value(key);
    return typeof value === 'string' ? value : this.reject(key, 'a text');
  }

  count(key: string): number {
    const value = this.value(key);
    return isCount(value) ? value : this.reject(key, 'a whole number from 0');
  }

  optionalNumber(key: string): number | undefined {
    const value = this.value(key);
    if (value === undefined || (typeof value === 'number' && Number.isFinite(value))) return value;
    return this.reject(key, 'a finite number, or left out');
  }

  /** Returns true if the property is `true`, and false for anything else. */
  flag(key: string): boolean {
    return this.value(key) === true;
  }

  /** Returns an object that marks encoded values. */
  tag(key: string): object {
    const value = this.value(key);
    return isObject(value) ? value : this.reject(key, 'an object');
  }

  /** Returns a client's id. */
  clientId(key: string): string {
    const value = this.value(key);
    return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)
      ? value
      : this.reject(key, 'an id of 16 hexadecimal digits');
  }

  /** Returns a list without holes: a few bytes can stand for billions of those. */
  list(key: string): unknown[] {
    const value = this.value(key);
    return Array.isArray(value) && Object.keys(value).length === value.length
      ? value
      : this.reject(key, 'a list without holes');
  }
}
