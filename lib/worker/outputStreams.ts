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

  /** Resolves when everything that has been printed by now has left. */
  async flush(): Promise<void> {
    for (const write of this.#writes) await new Promise<void>(resolve => write('', () => resolve()));
  }
}
