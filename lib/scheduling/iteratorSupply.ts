import type { Scheduler, Supply } from './scheduler.js';

type Step = IteratorResult<unknown>;

/** Reads an iterable or async iterable only as far as is asked for. */
export class IteratorSupply implements Supply {
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  #wanted = 0;
  #reading = false;
  #over = false;

  constructor(
    private readonly values: Iterable<unknown> | AsyncIterable<unknown>,
    private readonly scheduler: Pick<Scheduler, 'push' | 'end' | 'fail'>,
  ) {}

  request(count: number): void {
    this.#wanted = count;
    if (!this.#reading) this.#read();
  }

  /** Reads no more, and lets a generator run its `finally`. */
  stop(): void {
    if (this.#over) return;
    this.#over = true;
    try {
      const ended = this.#iterator?.return?.();
      if (ended && 'then' in ended) ended.then(undefined, () => undefined);
    } catch {
      // Nobody is left to be told what a generator's clean-up throws; it must not end the process either.
    }
  }

  #read(): void {
    this.#reading = true;
    try {
      this.#iterator ??=
        Symbol.asyncIterator in this.values
          ? (this.values as AsyncIterable<unknown>)[Symbol.asyncIterator]()
          : (this.values as Iterable<unknown>)[Symbol.iterator]();
      while (this.#wanted > 0 && !this.#over) {
        const step = this.#iterator.next();
        if ('then' in step) {
          step.then(
            step => {
              this.#take(step);
              if (this.#wanted > 0 && !this.#over) this.#read();
              else this.#reading = false;
            },
            error => this.#fail(error),
          );
          return;
        }
        this.#take(step);
      }
    } catch (error) {
      this.#fail(error);
    }
    this.#reading = false;
  }

  #take(step: Step): void {
    if (this.#over) return;
    if (step.done) {
      this.#over = true;
      this.scheduler.end();
    } else {
      this.#wanted -= 1;
      this.scheduler.push(step.value);
    }
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    this.#over = true;
    this.scheduler.fail(error);
  }
}
