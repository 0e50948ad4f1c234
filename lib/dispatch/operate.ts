import { Observable, type Observer, type Subscriber, Subscription } from 'rxjs';

/**
 * An observer that is a subscription as well: RxJS 7 takes it for a subscriber and puts nothing in between, which would
 * cost a sixth of the rate of pushed inputs (`bench/throughput.ts`). RxJS 8 wraps it, and all else is the same.
 */
class Connection<T> extends Subscription implements Observer<T> {
  readonly #observer: Observer<T>;
  readonly #onNext: (value: T) => void;

  constructor(observer: Observer<T>) {
    super();
    this.#observer = observer;
    this.#onNext = observer.next;
  }

  next(value: T): void {
    if (this.closed) return;
    try {
      this.#onNext(value);
    } catch (error) {
      this.error(error);
    }
  }

  error(error: unknown): void {
    if (this.closed) return;
    try {
      this.#observer.error(error);
    } finally {
      this.unsubscribe();
    }
  }

  complete(): void {
    if (this.closed) return;
    try {
      this.#observer.complete();
    } catch (error) {
      this.#observer.error(error);
    } finally {
      this.unsubscribe();
    }
  }
}

/**
 * Subscribes to a source for as long as `owner` is open; an error that the observer throws comes back to it as its error.
 *
 * The source is let go of as soon as the owner is closed, also while a synchronous one is still in its loop.
 * @param observer its members are called as functions, without `this`
 */
export function connect<T>(source: Observable<T>, owner: Subscription, observer: Observer<T>): void {
  new Observable<T>(subscriber => {
    owner.add(subscriber);
    source.subscribe(subscriber);
  }).subscribe(new Connection(observer));
}

/** The handlers of an operator, as RxJS 8's `operate` takes them. */
export interface OperateOptions<T> {
  /** The subscriber of the operator's result. */
  readonly destination: Subscriber<unknown>;
  readonly next: (value: T) => void;
  /** Default: the error goes on to the destination. */
  readonly error?: (error: unknown) => void;
  /** Default: the destination completes. */
  readonly complete?: () => void;
}

/**
 * Subscribes to a source on behalf of an operator's destination, as RxJS's own operators do: the source ends with the
 * destination, and an error that a handler throws ends both.
 *
 * RxJS 7 does not publish its own, and 8 does; a subclass of `Subscriber` would not survive that.
 */
export function operate<T>(source: Observable<T>, options: OperateOptions<T>): void {
  const { destination, next } = options;
  connect(source, destination, {
    next,
    error: options.error ?? (error => destination.error(error)),
    complete: options.complete ?? (() => destination.complete()),
  });
}
