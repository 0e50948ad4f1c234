/** Takes what a source gives. */
export interface InputReceiver {
  push(value: unknown): void;
  /** The source has ended. */
  end(): void;
  /** The source can give no more, for this error. */
  endWith(error: unknown): void;
}

/** Reads an iterable or async iterable only as far as is asked for, and otherwise as `for` and `for await` do. */
export class PullSource {
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #next: (() => unknown) | undefined;
  #async = false;
  #wanted = 0;
  /** True while the iterator's `next` is under way, or its promise. */
  #reading = false;
  /** True if nothing of it is of use any more: it has ended, or nobody waits. */
  #over = false;
  /** True if the iterator is to be told so as soon as it can be. */
  #abandoned = false;

  constructor(
    private readonly values: Iterable<unknown> | AsyncIterable<unknown>,
    private readonly receiver: InputReceiver,
  ) {}

  /** Asks for `count` more inputs; they are pushed now or later. */
  request(count: number): void {
    this.#wanted = count;
    if (!this.#reading) this.#read();
  }

  /** Reads no more, and lets a generator run its `finally`. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    // A generator that ends its own run cannot end while it runs.
    this.#abandoned = this.#reading && !this.#async;
    if (!this.#abandoned) this.#close();
  }

  #close(): void {
    try {
      // Awaited, so that what an asynchronous clean-up throws is nobody's unhandled rejection.
      const ended: unknown = this.#iterator?.return?.();
      if (this.#async) Promise.resolve(ended).catch(() => undefined);
    } catch {
      // Nobody is left to be told what a generator's clean-up throws; it must not end the process either.
    }
  }

  #read(): void {
    this.#reading = true;
    try {
      this.#next ??= this.#open();
      while (this.#wanted > 0 && !this.#over) {
        const step = this.#next();
        if (this.#async) {
          Promise.resolve(step).then(
            step => this.#resume(step),
            error => this.#fail(error),
          );
          return;
        }
        if (!this.#over) this.#take(step);
        // It has ended its own run meanwhile: what it gives is not wanted.
        else if (!isObject(step) || (step as IteratorResult<unknown>).done) this.#abandoned = false;
      }
    } catch (error) {
      this.#abandoned = false;
      this.#fail(error);
    }
    this.#reading = false;
    if (!this.#abandoned) return;
    this.#abandoned = false;
    this.#close();
  }

  #open(): () => unknown {
    const values = Object(this.values) as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
    const openAsync = values[Symbol.asyncIterator];
    this.#async = openAsync !== undefined && openAsync !== null;
    const iterator = this.#async
      ? openAsync?.call(values)
      : (values[Symbol.iterator] as () => Iterator<unknown>).call(values);
    if (!isObject(iterator))
      throw new TypeError(`the iterator of the source is no object: ${String(iterator)}`);
    this.#iterator = iterator as Iterator<unknown>;
    const { next } = this.#iterator;
    return () => next.call(iterator as Iterator<unknown>);
  }

  #resume(step: unknown): void {
    try {
      if (!this.#over) this.#take(step);
    } catch (error) {
      this.#fail(error);
    }
    this.#reading = false;
    if (this.#wanted > 0 && !this.#over) this.#read();
  }

  #take(step: unknown): void {
    if (!isObject(step))
      throw new TypeError(`the iterator of the source gave a result that is no object: ${String(step)}`);
    const { done } = step as IteratorResult<unknown>;
    if (done) {
      this.#over = true;
      this.receiver.end();
      return;
    }
    const { value } = step as IteratorResult<unknown>;
    this.#wanted -= 1;
    this.receiver.push(value);
  }

  #fail(error: unknown): void {
    this.#reading = false;
    if (this.#over) return;
    this.#over = true;
    this.receiver.endWith(error);
  }
}

const isObject = (value: unknown): value is object =>
  (typeof value === 'object' && value !== null) || typeof value === 'function';
