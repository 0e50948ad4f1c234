import type { DecodingContext, EncodedInstance, EncodedValue, EncodingContext } from './encodedValues.js';
import { type RegisteredClass, registeredClass } from './registerClass.js';
import { SerializationError, serializationErrorOf } from './serializationError.js';

/** The data of an instance lies so much deeper in the message than the instance. */
const LEVELS = 2;

/** Calls a function of a class's codec; what that throws is told of the instance. */
function callCodec<T>(name: string, part: 'encode' | 'decode', call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw serializationErrorOf(error, `an instance of ${name}, whose \`${part}\` given to registerClass`);
  }
}

/** Encodes an instance of a registered class as the data that its codec makes of it. */
export function encodeInstance(
  instance: object,
  { name, encode }: RegisteredClass,
  context: EncodingContext,
): EncodedValue {
  const data = context.encodeChild(
    callCodec(name, 'encode', () => encode(instance)),
    undefined,
    LEVELS,
  );
  return context.keepEncoded(instance, { tag: context.tag, kind: 'instance', name, data });
}

/** Makes the instance again, if its class is registered on this side too. */
export function decodeInstance({ name, data }: EncodedInstance, context: DecodingContext): unknown {
  const known = registeredClass(name);
  if (!known)
    throw new SerializationError(
      `an instance of ${name}, which is not registered here; registerClass(${name}, …) in a module that the task's module imports, and name the task with task()`,
    );
  const decoded = context.decodeChild(data);
  return callCodec(name, 'decode', () => known.decode(decoded));
}
