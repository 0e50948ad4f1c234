type Write = NodeJS.WriteStream['write'];

/**
 * Hears of each write before it is made.
 * @param pass makes the write
 * @param chunk what is written
 */
export type WriteHandler = (pass: () => boolean, chunk: unknown) => boolean;

/** Writes to a stream that are heard of. */
export interface Interception {
  /** Writes to the stream unheard. */
  write(text: string, done: (error?: Error | null) => void): void;
  /** Puts back exactly what was there. */
  release(): void;
}

/** What one of our functions that stands in for `write` goes by. */
interface Patch {
  readonly original: Write;
  /** The stream's own property, where it had one. */
  readonly own: PropertyDescriptor | undefined;
  /** Absent after the release: then it passes all on. */
  handler: WriteHandler | undefined;
}

const patches = new WeakMap<Write, Patch>();

/**
 * Has a handler hear of all that others write to a stream.
 *
 * Others may do the same in between: whoever has put a function over ours keeps it at the release, and ours beneath it
 * passes all on from then on. Where ours is put back later by whom it was taken from, it is used again.
 */
export function interceptWrites(
  stream: Pick<NodeJS.WriteStream, 'write'>,
  handler: WriteHandler,
): Interception {
  const dormant = patches.get(stream.write);
  const patch = dormant && !dormant.handler ? dormant : patchOf(stream);
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

function patchOf(stream: Pick<NodeJS.WriteStream, 'write'>): Patch {
  const own = Object.getOwnPropertyDescriptor(stream, 'write');
  const patch: Patch = { original: stream.write, own, handler: undefined };
  const write = function (this: NodeJS.WriteStream, ...parameters: Parameters<Write>): boolean {
    const pass = () => Reflect.apply(patch.original, this, parameters);
    return patch.handler ? patch.handler(pass, parameters[0]) : pass();
  } as Write;
  patches.set(write, patch);
  // A stream that is frozen is drawn to all the same.
  if (own?.configurable !== false && Object.isExtensible(stream))
    Object.defineProperty(stream, 'write', {
      value: write,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  return patch;
}
