import { clearTimeout, setTimeout } from 'node:timers';

/** The time that printed output has to leave before the chunk ends without it. */
const FLUSH_LIMIT_MS = 1_000;

/** The part of a stream that tasks print to. */
export interface OutputStream {
  readonly writableLength: number;
  write(text: string, callback: () => void): unknown;
}

/** The streams that tasks print to. Tasks may replace `write`: this goes on with the one that it was made with. */
export class OutputStreams {
  readonly #streams: readonly OutputStream[];
  readonly #writes: readonly OutputStream['write'][];

  constructor(streams: readonly OutputStream[]) {
    this.#streams = streams;
    this.#writes = streams.map(stream => stream.write.bind(stream));
  }

  /** True if everything that was printed has left. */
  get areEmpty(): boolean {
    return this.#streams.every(({ writableLength }) => writableLength === 0);
  }

  /** Resolves when everything that has been printed by now has left; a stream that a task has corked holds nobody up. */
  async flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>(resolve => {
      timer = setTimeout(resolve, FLUSH_LIMIT_MS);
    });
    const flushed = this.#writes.map(write => new Promise<void>(resolve => void write('', () => resolve())));
    await Promise.race([Promise.all(flushed), late]);
    clearTimeout(timer);
  }
}
