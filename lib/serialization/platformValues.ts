import process from 'node:process';
import { types } from 'node:util';
import { MessagePort } from 'node:worker_threads';
import { attempt } from '../errors.js';
import type { Handler } from './encodedValues.js';
import { SerializationError } from './serializationError.js';

/** As it was when this was loaded: tasks may replace it. */
const clone = /* @__PURE__ */ (() => structuredClone)();
const objectToString = /* @__PURE__ */ (() => Object.prototype.toString)();

/** The names of the global classes, as they were when this was loaded. */
const globalNames = /* @__PURE__ */ (() => new Set(Object.getOwnPropertyNames(globalThis)))();

/** Classes of Node whose clones go on to change with the original: there is no way to send one as it is now. */
const SHARED_STATE = /* @__PURE__ */ new Set([
  'BlockList',
  'Histogram',
  'RecordableHistogram',
  'IntervalHistogram',
]);

/** Classes of the platform that it exports nowhere; their instances have this property. */
const HIDDEN_CLASSES: Readonly<Record<string, string>> = {
  Timeout: 'hasRef',
  Immediate: 'hasRef',
  FileHandle: 'fd',
  SecretKeyObject: 'export',
  PublicKeyObject: 'export',
  PrivateKeyObject: 'export',
  Performance: 'timeOrigin',
  FSWatcher: 'close',
  StatWatcher: 'stop',
  Resolver: 'setServers',
  AsyncHook: 'enable',
  Http2Server: 'listen',
  Http2SecureServer: 'listen',
  ServerHttp2Session: 'goaway',
  ClientHttp2Session: 'goaway',
  process: 'pid',
};

/** What to pass instead of an instance of a class of the platform, by its name. Default: plain data. */
const INSTEAD: Readonly<Record<string, string>> = {
  URL: 'pass its `href`',
  URLSearchParams: 'pass its text: `String(params)`',
  Headers: 'pass its entries: `[...headers]`',
  FormData: 'pass its entries: `[...form]`',
  Request: 'pass its `url` and what it holds: `await request.text()`',
  Response: 'pass what it holds: `await response.text()`',
  File: 'pass its name and what it holds: `await file.arrayBuffer()`',
  Blob: 'pass what it holds: `await blob.arrayBuffer()`',
  X509Certificate: 'pass its text: `String(certificate)`',
  FileHandle: 'pass the path of the file',
  AbortSignal: 'unsubscribe from the run to end it',
  AbortController: 'unsubscribe from the run to end it',
  'WebAssembly.Instance': 'pass its module, of type WebAssembly.Module',
  WeakMap: 'pass a Map of what it holds',
  WeakSet: 'pass a Set of what it holds',
  WeakRef: 'pass what it refers to: `ref.deref()`',
  Symbol: 'pass a string',
};

/** Puts the article before a name. */
const a = (name: string): string => `${/^[AEIO]/i.test(name) ? 'an' : 'a'} ${name}`;

/** Returns the name of a value's class. */
const nameOf = (value: object, prototype: object | null): string => {
  const name: unknown = prototype?.constructor?.name;
  const tag = objectToString.call(value).slice(8, -1);
  if (/^(WebAssembly|Intl|Temporal)\./.test(tag)) return tag;
  if (typeof name !== 'string' || name === '') return tag;
  // What Node 22 calls the Blobs of files.
  return name === 'TransferableBlob' ? 'Blob' : name;
};

/** Classes that a module of Node has behind a getter; other getters of modules warn that they are deprecated. */
const LAZY_CLASSES = /* @__PURE__ */ new Set([
  'AsyncLocalStorage',
  'Dir',
  'EventEmitterAsyncResource',
  'ReadStream',
  'Utf8Stream',
  'WriteStream',
]);

/** True if a prototype is that of a class which a namespace has under this name. */
const isMemberOf = (namespace: unknown, name: string, prototype: object): boolean => {
  if (Object(namespace) !== namespace) return false;
  const { value, get } = Object.getOwnPropertyDescriptor(namespace, name) ?? {};
  const member: unknown = get && LAZY_CLASSES.has(name) ? get.call(namespace) : value;
  return typeof member === 'function' && member.prototype === prototype;
};

/** The public modules of Node that are loaded: an instance of a class of another one there cannot be. */
function loadedModules(): unknown[] {
  const { moduleLoadList = [] } = process as unknown as { moduleLoadList?: readonly string[] };
  return moduleLoadList
    .filter(entry => /^NativeModule (?!internal\/|_)[\w/]+$/.test(entry))
    .map(entry => attempt(() => process.getBuiltinModule(entry.slice('NativeModule '.length)), undefined));
}

/** Returns true if a prototype is that of a class of JavaScript's, the Web's or Node's own. It takes long: for refusals. */
function isOfPlatform(value: object, prototype: object): boolean {
  const name: unknown = prototype.constructor?.name;
  if (typeof name !== 'string' || name === '') return false;
  const namespaces = ['Intl', 'WebAssembly', 'Temporal'].map(
    namespace => (globalThis as Record<string, unknown>)[namespace],
  );
  const global = globalNames.has(name) ? (globalThis as Record<string, unknown>)[name] : undefined;
  if (typeof global === 'function' && global.prototype === prototype) return true;
  if (namespaces.some(namespace => isMemberOf(namespace, name, prototype))) return true;
  const mark = HIDDEN_CLASSES[name];
  if (mark !== undefined && mark in value) return true;
  return loadedModules().some(module => isMemberOf(module, name, prototype));
}

/** True if Node can clone a value of a class of its own (Blob, KeyObject, …). */
function isCloneable(value: object): boolean {
  if (types.isKeyObject(value) || types.isCryptoKey(value) || types.isExternal(value)) return true;
  if (/^\[object WebAssembly\.(Module|Memory)\]$/.test(objectToString.call(value))) return true;
  // Classes that are written in JavaScript have a method under this symbol.
  for (let at: object | null = value; at; at = Object.getPrototypeOf(at))
    if (Object.getOwnPropertySymbols(at).some(symbol => symbol.description === 'messaging_clone_symbol'))
      return true;
  return false;
}

/** Values of Node's own classes. They are cloned at once, as they are now, where their clone is the same. */
export const platformValues: Handler = {
  matches: isCloneable,
  encode(value, context, prototype) {
    const name = nameOf(value, prototype);
    if (!context.sharedMemory)
      throw new SerializationError(
        `${a(name)}, which does not cross to another process; ${INSTEAD[name] ?? 'use threads(), or pass what it holds'}`,
      );
    if (SHARED_STATE.has(objectToString.call(value).slice(8, -1)) || SHARED_STATE.has(name))
      throw new SerializationError(
        `${a(name)}, which would go on to change after it was sent; pass what it holds`,
      );
    let copy: object;
    try {
      copy = clone(value);
    } catch {
      throw new SerializationError(
        `${a(name)} that cannot be cloned; ${INSTEAD[name] ?? 'pass what it holds'}`,
      );
    }
    if (Object.getPrototypeOf(copy) !== prototype) {
      const arrived = nameOf(copy, Object.getPrototypeOf(copy));
      const instead = INSTEAD[name] ?? (arrived === name ? 'pass what it holds' : 'pass that, or plain data');
      throw new SerializationError(
        `an instance of ${name}, which would arrive as ${arrived === name ? 'another class of that name' : a(arrived)}; ${instead}`,
      );
    }
    return context.keep(value, copy);
  },
};

/** True for what can be subscribed to, as an Observable of any library. */
const isObservable = (value: object): boolean =>
  'subscribe' in value && typeof value.subscribe === 'function' && ('pipe' in value || 'next' in value);

const isStream = (value: object): boolean =>
  'pipe' in value && typeof value.pipe === 'function' && 'on' in value && typeof value.on === 'function';

const isScheduler = (value: object): boolean =>
  'schedule' in value && typeof value.schedule === 'function' && 'now' in value;

const isIterator = (value: object): boolean =>
  /(Iterator|Iterator Helper)\]$/.test(objectToString.call(value)) ||
  ('next' in value &&
    typeof value.next === 'function' &&
    Symbol.iterator in value &&
    typeof value[Symbol.iterator] === 'function');

/** Says what a value is that no program can register a class for; `undefined` of an instance of any other class. */
function describePlatformValue(value: object, prototype: object): string | undefined {
  const tag = objectToString.call(value).slice(8, -1);
  if (types.isProxy(value)) return 'a Proxy, which would arrive without its handler; pass what it stands for';
  if (types.isPromise(value)) return 'a Promise; await it first';
  if (types.isGeneratorObject(value))
    return tag === 'AsyncGenerator'
      ? 'an async generator; collect what it yields (`for await`) and pass that'
      : 'a generator; pass an array of what it yields: `[...generator]`';
  if (isObservable(value))
    return `an Observable (${nameOf(value, prototype)}), which stays in its thread; subscribe to it and pass what it emits`;
  if ('unsubscribe' in value && typeof value.unsubscribe === 'function' && 'closed' in value)
    return `a subscription (${nameOf(value, prototype)}), which stays in its thread; leave it out`;
  if (isScheduler(value))
    return `a scheduler (${nameOf(value, prototype)}), which stays in its thread; leave it out`;
  if (value === process.env)
    return '`process.env`, which is no plain object; pass a copy: `{ ...process.env }`';
  if (isIterator(value)) return 'an iterator; pass an array of what it gives: `[...iterator]`';
  if (value instanceof MessagePort)
    return 'an instance of MessagePort, which cannot be copied; a task on threads() may return one that `transfer()` has marked';
  const name = nameOf(value, prototype);
  if (!isOfPlatform(value, prototype)) return undefined;
  const instead =
    INSTEAD[name] ?? (name.startsWith('Temporal.') ? 'pass its text: `String(value)`' : undefined);
  return isStream(value) || name.endsWith('Stream')
    ? `a stream (${name}), which stays in its thread; ${instead ?? 'pass what it carries, or what it was opened with'}`
    : `an instance of ${name}, which stays in its thread; ${instead ?? 'pass plain data that it can be made of again'}`;
}

/** Returns why an instance of any class cannot cross. */
export function refusalOf(value: object, prototype: object): string {
  const known = attempt(() => describePlatformValue(value, prototype), undefined);
  if (known !== undefined) return known;
  const Class: unknown = prototype.constructor;
  if (typeof Class !== 'function' || Class.prototype !== prototype)
    return 'an object whose prototype is another object, and which would arrive without it; pass plain data';
  const { name } = Class;
  return `an instance of ${name || 'an unnamed class'}, whose methods and private fields would be lost; registerClass(${name || 'Class'}, { encode, decode }) in a module that both sides import, or pass plain data`;
}
