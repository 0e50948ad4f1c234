import { types } from 'node:util';
import { MessagePort } from 'node:worker_threads';
import { arrayBuffers, nodeBuffers, sharedArrayBuffers, sharedViews, views } from './buffers.js';
import { type Handler, isObjectLike, isPrototypeOfClass } from './encodedValues.js';
import { errors } from './errors.js';
import { platformValues, refusalOf } from './platformValues.js';
import { SerializationError } from './serializationError.js';

/** @throws SerializationError where a built-in has properties of its own, which structured clone would drop */
function refuseProperties(value: object, name: string): void {
  const [key] = Object.keys(value);
  if (key === undefined) return;
  throw new SerializationError(
    `a ${name} with a property of its own (${key}), which would be lost; pass them side by side`,
  );
}

const maps: Handler<Map<unknown, unknown>> = {
  matches: (value, prototype) => types.isMap(value) && isPrototypeOfClass(prototype, Map),
  encode(map, context) {
    refuseProperties(map, 'Map');
    const copy = context.keep(map, new Map<unknown, unknown>());
    let i = 0;
    for (const [key, item] of map) {
      copy.set(
        context.encodeChild(key, `key ${i}`),
        context.encodeChild(item, isObjectLike(key) ? `entry ${i}` : String(key)),
      );
      i += 1;
    }
    return copy;
  },
  decode(map, context) {
    // All before any: where one cannot be decoded, none is lost.
    const entries = Array.from(
      map,
      ([key, item]) => [context.decodeChild(key), context.decodeChild(item)] as const,
    );
    map.clear();
    for (const [key, item] of entries) map.set(key, item);
    return map;
  },
};

const sets: Handler<Set<unknown>> = {
  matches: (value, prototype) => types.isSet(value) && isPrototypeOfClass(prototype, Set),
  encode(set, context) {
    refuseProperties(set, 'Set');
    const copy = context.keep(set, new Set<unknown>());
    let i = 0;
    for (const item of set) copy.add(context.encodeChild(item, i++));
    return copy;
  },
  decode(set, context) {
    const items = Array.from(set, item => context.decodeChild(item));
    set.clear();
    for (const item of items) set.add(item);
    return set;
  },
};

const dates: Handler<Date> = {
  matches: (value, prototype) => types.isDate(value) && isPrototypeOfClass(prototype, Date),
  encode(date, context) {
    refuseProperties(date, 'Date');
    return context.keep(date, new Date(date.getTime()));
  },
};

const regExps: Handler<RegExp> = {
  matches: (value, prototype) => types.isRegExp(value) && isPrototypeOfClass(prototype, RegExp),
  encode(regExp, context) {
    refuseProperties(regExp, 'RegExp');
    return context.keep(regExp, new RegExp(regExp.source, regExp.flags));
  },
};

/** Boxed numbers, strings, booleans and bigints: nothing in them can change. */
const boxedPrimitives: Handler = {
  matches: (value, prototype) =>
    types.isBoxedPrimitive(value) &&
    [Number, String, Boolean, BigInt].some(Class => isPrototypeOfClass(prototype, Class)),
  encode: value => value,
};

/** Ports cannot be cloned: they cross where `transfer()` has marked them. */
const ports: Handler<MessagePort> = {
  matches: value => value instanceof MessagePort,
  encode(port, context, prototype) {
    if (!context.transferring || !context.sharedMemory) return others.encode(port, context, prototype);
    context.transferList.add(port);
    return port;
  },
};

/** Values of any other class, which cannot cross. */
const others: Handler = {
  matches: () => true,
  encode(value, _context, prototype) {
    throw new SerializationError(refusalOf(value, prototype));
  },
};

/** Every kind of value that is neither an array, a plain object nor of a registered class. The first one that matches counts. */
const builtIns: readonly Handler[] = [
  maps,
  sets,
  dates,
  regExps,
  boxedPrimitives,
  errors,
  sharedViews,
  nodeBuffers,
  views,
  sharedArrayBuffers,
  arrayBuffers,
  platformValues,
  ports,
];

/** Kinds that arrive as what they are, with values inside that are still to be decoded. */
const containers: readonly Handler[] = [maps, sets];

/** The handlers of common classes of this realm: to ask all of them takes longer than to encode most values. */
const byPrototype = /* @__PURE__ */ (() =>
  new Map<object, Handler>([
    [Map.prototype, maps],
    [Set.prototype, sets],
    [Date.prototype, dates],
    [RegExp.prototype, regExps],
    [Buffer.prototype, nodeBuffers],
    ...[Float64Array, Float32Array, Int32Array, Uint32Array, Uint8Array].map(
      ({ prototype }) => [prototype, views] as const,
    ),
  ]))();

/** Returns the handler of a value that is neither an array nor a plain object. */
export function handlerOf(value: object, prototype: object): Handler {
  const probable = byPrototype.get(prototype);
  if (probable?.matches(value, prototype)) return probable;
  return builtIns.find(handler => handler.matches(value, prototype)) ?? others;
}

/** Returns the handler that decodes what is inside a value that has arrived as it is, if it is a container. */
export const containerHandlerOf = (value: object): Handler | undefined =>
  containers.find(({ matches }) => matches(value, Object.getPrototypeOf(value)));
