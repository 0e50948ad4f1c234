import { types } from 'node:util';

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

const show = (value: unknown): string => {
  if (typeof value === 'bigint') return `${value}n`;
  if (Object.is(value, -0)) return '-0';
  return isObject(value) ? Object.prototype.toString.call(value) : String(value);
};

const bytesOf = (value: ArrayBufferLike | ArrayBufferView): Uint8Array =>
  ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value);

/** What stands beside the properties of an object: the value of a date, the bytes of a buffer, … */
function inner(value: object): readonly unknown[] {
  if (types.isDate(value)) return [value.getTime()];
  if (types.isRegExp(value)) return [value.source, value.flags, value.lastIndex];
  if (types.isBoxedPrimitive(value)) return [value.valueOf()];
  if (types.isMap(value)) return [...value].flat();
  if (types.isSet(value)) return [...value];
  if (types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value))
    return [Buffer.from(bytesOf(value)).toString('hex')];
  if (types.isNativeError(value)) return [value.name, value.message, ...[value.cause].flat()];
  return Array.isArray(value) ? [value.length] : [];
}

/** Own keys in their order; those of elements are told by the bytes, and a stack is no two times the same. */
const keysOf = (value: object): string[] =>
  ArrayBuffer.isView(value) || types.isStringObject(value)
    ? []
    : types.isNativeError(value)
      ? Object.keys(value).sort()
      : Object.keys(value);

/**
 * Where two values differ, or `undefined` where they are the same: value by value as `Object.is` has it, class by class,
 * key by key in order, holes as holes, and one object here where there is one object there.
 */
export function difference(found: unknown, expected: unknown): string | undefined {
  const pairs = new Map<object, object>();
  const partners = new Map<object, object>();
  const compare = (found: unknown, expected: unknown, path: string): string | undefined => {
    if (!isObject(found) || !isObject(expected))
      return Object.is(found, expected) ? undefined : `${path}: ${show(found)} and not ${show(expected)}`;
    if (pairs.has(expected) || partners.has(found))
      return pairs.get(expected) === found && partners.get(found) === expected
        ? undefined
        : `${path}: not the same object as before`;
    pairs.set(expected, found);
    partners.set(found, expected);
    if (Object.getPrototypeOf(found) !== Object.getPrototypeOf(expected))
      return `${path}: ${show(found)} and not ${show(expected)}`;
    const [a, b] = [inner(found), inner(expected)];
    if (a.length !== b.length) return `${path}: ${a.length} inside and not ${b.length}`;
    for (const [i, value] of b.entries()) {
      const apart = compare(a[i], value, `${path}<${i}>`);
      if (apart) return apart;
    }
    const [keys, others] = [keysOf(found), keysOf(expected)];
    if (keys.length !== others.length || keys.join('\n') !== others.join('\n'))
      return `${path}: the keys ${keys} and not ${others}`;
    for (const key of others) {
      const of = (value: object) => (value as Record<string, unknown>)[key];
      const apart = compare(of(found), of(expected), `${path}[${JSON.stringify(key)}]`);
      if (apart) return apart;
    }
    return undefined;
  };
  return compare(found, expected, 'value');
}

/** Fails where two values differ. */
export function same(found: unknown, expected: unknown, what = ''): void {
  const apart = difference(found, expected);
  if (apart) throw new Error(`${what ? `${what}: ` : ''}${apart}`);
}
