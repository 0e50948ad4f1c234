import type { Output } from './output.js';

type Write = Output['write'];

/**
 * Hears of each write before it is made.
 * @param pass makes the write
 * @param chunk what is written
 */
export type WriteHandler = (pass: () => boolean, chunk: unknown) => boolean;

/** A hold on the writes to a stream. */
export interface Interception {
  /** Writes to the stream past the handler. */
  write(text: string, done: (error?: Error | null) => void): void;
  /** Puts back exactly what was there. */
  release(): void;
}

/** What belongs to a function that stands in for `write`. */
interface Patch {
  readonly original: Write;
  /** The stream's own property; absent where it inherits `write`. */
  readonly own: PropertyDescriptor | undefined;
  /** Absent after the release: the function then passes everything on. */
  handler: WriteHandler | undefined;
}

/** Every patch, by the function that stands in. */
const patches = new WeakMap<Write, Patch>();

/**
 * Has a handler hear of everything that others write to a stream.
 *
 * Others may replace `write` in between. Their function then stays at the release, and ours beneath it passes everything
 * on. If they put ours back later, the next interception uses it again.
 */
export function interceptWrites(stream: Output, handler: WriteHandler): Interception {
  const released = patches.get(stream.write);
  const patch = released && !released.handler ? released : patchOf(stream);
  patch.handler = handler;
  return {
    write: (text, done) => void Reflect.apply(patch.original, stream, [text, done]),
    release() {
      patch.handler = undefined;
      if (patches.get(stream.write) !== patch) return;
      if (patch.own) Object.defineProperty(stream, 'write', patch.own);
      else Reflect.deleteProperty(stream, 'write');
    },
  };
}

function patchOf(stream: Output): Patch {
  const own = Object.getOwnPropertyDescriptor(stream, 'write');
  const patch: Patch = { original: stream.write, own, handler: undefined };
  const write = function (this: Output, ...parameters: Parameters<Write>): boolean {
    const pass = () => Reflect.apply(patch.original, this, parameters);
    return patch.handler ? patch.handler(pass, parameters[0]) : pass();
  } as Write;
  patches.set(write, patch);
  // A frozen stream is drawn on all the same: its writes are just not heard.
  if (own?.configurable !== false && Object.isExtensible(stream))
    Object.defineProperty(stream, 'write', {
      value: write,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  return patch;
}
