import { describeThrown, isInstance, nameError } from '../errors.js';

/** Thrown while a value is encoded or decoded. The caller knows which value it was, and says so. */
export class SerializationError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'SerializationError', 'RX_PARFOR_SERIALIZATION');
  declare readonly code: 'RX_PARFOR_SERIALIZATION';

  /**
   * @param why the reason, in words that follow "it is"
   * @param path the place inside the value, as far as it is known by now
   * @param whole true if the reason is about the value as a whole, and no place inside it is to blame
   */
  constructor(
    readonly why: string,
    public path = '',
    readonly whole = false,
  ) {
    super(why);
  }

  /** The place, as far as it is known by now, and the reason. */
  get text(): string {
    return `${this.path || 'it'} is ${this.why}`;
  }
}

/**
 * Returns a SerializationError for whatever was thrown while a value was read: by a getter, a detached buffer, a codec.
 * @param what what threw, in words
 */
export function serializationErrorOf(
  thrown: unknown,
  what = 'unreadable, as reading it',
): SerializationError {
  if (isInstance(thrown, SerializationError)) return thrown;
  return new SerializationError(`${what} threw ${describeThrown(thrown).replace(/^it threw /, '')}`);
}
