import { types } from 'node:util';
import {
  type EncodedBuffer,
  type EncodedView,
  type EncodingContext,
  type Handler,
  isPlainPrototype,
  isPrototypeOfClass,
} from './encodedValues.js';
import { SerializationError } from './serializationError.js';

/** Below this a copy costs less than handing over the memory (`bench/constants.ts`). */
const MIN_TRANSFERRED_BYTES = 4096;

/** As they were when this was loaded: tasks may replace them. */
const clone = /* @__PURE__ */ (() => structuredClone)();
const objectToString = /* @__PURE__ */ (() => Object.prototype.toString)();

type ViewClass = new (buffer: ArrayBuffer) => ArrayBufferView;

/** Cannot be cloned, and says so when it is reached: the list of what to transfer has been accepted by then. */
const reached = {};
const unreadable = {
  get value(): never {
    throw reached;
  },
};

/** True if a transfer list is accepted. Nothing is transferred. */
function isAccepted(transferList: ArrayBuffer[]): boolean {
  try {
    clone(unreadable, { transfer: transferList });
    return true;
  } catch (error) {
    return error === reached;
  }
}

/**
 * True if memory can be transferred: its owner may keep it, as a WebAssembly module does, and so does Node's pool.
 *
 * Since Node 22 a list with other memory is refused. Before, such memory is passed over and copied later on, even where
 * the list has it twice, which is refused of memory that can be transferred.
 */
export const isTransferable = (buffer: ArrayBuffer): boolean =>
  isAccepted([buffer]) && !isAccepted([buffer, buffer]);

/** Returns memory that is to be transferred. If it cannot be taken from its owner, a copy of it as it is now. */
function transferred(buffer: ArrayBuffer, context: EncodingContext): ArrayBuffer {
  if (!isTransferable(buffer)) return listed(buffer.slice(0), context);
  context.transferList.add(buffer);
  return buffer;
}

/** Returns a copy that nobody else has, and lists it for transfer where that is worth it. */
function listed(copy: ArrayBuffer, { sharedMemory, transferList }: EncodingContext): ArrayBuffer {
  if (sharedMemory && copy.byteLength >= MIN_TRANSFERRED_BYTES) transferList.add(copy);
  return copy;
}

type ResizableBuffer = ArrayBuffer & { readonly maxByteLength: number };

const isResizable = (buffer: ArrayBuffer): buffer is ResizableBuffer =>
  (buffer as { resizable?: boolean }).resizable === true;

/** Returns a copy of a resizable buffer as it is now, with its maximum. */
function resizableCopy(buffer: ResizableBuffer): ArrayBuffer {
  const { maxByteLength } = buffer;
  const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
  const copy = new Resizable(buffer.byteLength, { maxByteLength });
  new Uint8Array(copy).set(new Uint8Array(buffer));
  return copy;
}

/** Returns a copy of the memory of a view, without the rest of the buffer behind it. */
const copyOfWindow = ({ buffer, byteOffset, byteLength }: ArrayBufferView): ArrayBuffer =>
  (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength);

/** Returns the memory of a view, without the rest of the buffer behind it. */
function memoryOf(view: ArrayBufferView, context: EncodingContext): ArrayBuffer {
  const buffer = view.buffer as ArrayBuffer;
  const isWhole = view.byteLength === buffer.byteLength;
  if (isWhole && context.transferring && context.sharedMemory) return transferred(buffer, context);
  return listed(copyOfWindow(view), context);
}

/** The classes of views, as they were when this was loaded. */
const viewClasses = /* @__PURE__ */ (() =>
  Object.fromEntries(
    Object.getOwnPropertyNames(globalThis)
      .filter(name => name === 'DataView' || /^[A-Z].*\d(Clamped)?Array$/.test(name))
      .map(name => [name, (globalThis as unknown as Record<string, ViewClass>)[name]]),
  ))() as Readonly<Record<string, ViewClass & { readonly prototype: object }>>;

/** The prototypes between a view and the plain objects: its class's own, and that of all typed arrays. */
const depthOf = (prototype: object): number => {
  let depth = 0;
  for (let at: object | null = prototype; at && !isPlainPrototype(at); at = Object.getPrototypeOf(at))
    depth += 1;
  return depth;
};

/**
 * Returns the class of a view, by its name.
 * @throws SerializationError for a subclass, also one of the same name
 */
function checkViewClass(view: ArrayBufferView, prototype: object): string {
  const kind = types.isDataView(view) ? 'DataView' : objectToString.call(view).slice(8, -1);
  if (prototype === viewClasses[kind]?.prototype) return kind;
  const { name } = prototype.constructor ?? {};
  // Of another realm: the same name, and no class in between.
  if (name === kind && depthOf(prototype) === (kind === 'DataView' ? 1 : 2)) return kind;
  throw new SerializationError(
    `an instance of ${name}, which would arrive as a ${kind}; registerClass it, or pass a ${kind}`,
  );
}

/** True for a view of memory that is not shared. */
const isUnsharedView = (value: object): boolean =>
  ArrayBuffer.isView(value) && !types.isSharedArrayBuffer(value.buffer);

export const arrayBuffers: Handler<ArrayBuffer> = {
  matches: (value, prototype) => types.isArrayBuffer(value) && isPrototypeOfClass(prototype, ArrayBuffer),
  encode(buffer, context) {
    if (context.transferring && context.sharedMemory)
      return context.keep(buffer, transferred(buffer, context));
    return context.keep(
      buffer,
      isResizable(buffer) ? resizableCopy(buffer) : listed(buffer.slice(0), context),
    );
  },
};

export const sharedArrayBuffers: Handler<SharedArrayBuffer> = {
  matches: value => types.isSharedArrayBuffer(value),
  encode(buffer, { sharedMemory }) {
    if (sharedMemory) return buffer;
    throw new SerializationError('a SharedArrayBuffer, which only threads can share; use threads()');
  },
};

export const sharedViews: Handler<ArrayBufferView> = {
  matches: value => ArrayBuffer.isView(value) && types.isSharedArrayBuffer(value.buffer),
  encode(view, context, prototype) {
    if (!context.sharedMemory)
      throw new SerializationError(
        'a view of a SharedArrayBuffer, which only threads can share; use threads()',
      );
    if (prototype !== Buffer.prototype) {
      checkViewClass(view, prototype);
      return view;
    }
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    return context.keepEncoded(view, { tag: context.tag, kind: 'buffer', bytes });
  },
};

/** `Buffer`s of Node: structured clone would turn them into Uint8Arrays. */
export const nodeBuffers = {
  matches: (value, prototype) => prototype === Buffer.prototype && isUnsharedView(value),
  encode(buffer, context) {
    const bytes = new Uint8Array(memoryOf(buffer, context));
    return context.keepEncoded(buffer, { tag: context.tag, kind: 'buffer', bytes });
  },
  decode({ bytes }) {
    const { buffer, byteOffset, byteLength } = bytes;
    // Between processes it arrives as a window on the whole message.
    if (types.isSharedArrayBuffer(buffer) || byteLength === buffer.byteLength)
      return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
    return Buffer.from(copyOfWindow(bytes));
  },
} satisfies Handler<Buffer, EncodedBuffer>;

/** Typed arrays and DataViews. */
export const views = {
  matches: isUnsharedView,
  encode(view, context, prototype) {
    const kind = checkViewClass(view, prototype);
    const Class = viewClasses[kind] as ViewClass;
    const copy = new Class(memoryOf(view, context));
    if (context.sharedMemory) return context.keep(view, copy);
    return context.keepEncoded(view, { tag: context.tag, kind: 'view', view: copy });
  },
  decode({ view }) {
    if (view.byteLength === view.buffer.byteLength) return view;
    const Class = view.constructor as ViewClass;
    return new Class(copyOfWindow(view));
  },
} satisfies Handler<ArrayBufferView, EncodedView>;

/**
 * Returns a copy of a typed array, DataView, Buffer or ArrayBuffer, without the rest of the buffer behind a view. Memory that
 * is shared is not copied.
 * @throws SerializationError for a view of a subclass
 */
export function copyMemory(value: ArrayBufferView | ArrayBuffer, prototype: object): object {
  if (!ArrayBuffer.isView(value)) {
    if (!isPrototypeOfClass(prototype, ArrayBuffer)) return value;
    return isResizable(value) ? resizableCopy(value) : value.slice(0);
  }
  if (!isUnsharedView(value)) return value;
  if (prototype === Buffer.prototype) return Buffer.from(copyOfWindow(value));
  return new (viewClasses[checkViewClass(value, prototype)] as ViewClass)(copyOfWindow(value));
}
