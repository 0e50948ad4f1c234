import { Observable, type Observer, type Subscriber, type Subscription } from 'rxjs';

/**
 * Subscribes to a source for as long as `owner` is open.
 *
 * The source is let go of as soon as the owner is closed, also while a synchronous one is still in its loop.
 */
export function connect<T>(source: Observable<T>, owner: Subscription, observer: Observer<T>): void {
  new Observable<T>(subscriber => {
    owner.add(subscriber);
    source.subscribe(subscriber);
  }).subscribe(observer);
}

/** The handlers of an operator, as RxJS 8's `operate` takes them. */
export interface OperateOptions<T> {
  /** The subscriber of the operator's result. */
  readonly destination: Subscriber<unknown>;
  next(value: T): void;
  /** Default: the error goes on to the destination. */
  error?(error: unknown): void;
  /** Default: the destination completes. */
  complete?(): void;
}

/**
 * Subscribes to a source on behalf of an operator's destination, as RxJS's own operators do: the source ends with the
 * destination, and what a handler throws is the destination's error.
 *
 * RxJS 7 does not publish its own, and 8 will; a subclass of `Subscriber` would not survive that.
 */
export function operate<T>(source: Observable<T>, options: OperateOptions<T>): void {
  const { destination } = options;
  connect(source, destination, {
    next: value => {
      try {
        options.next(value);
      } catch (error) {
        destination.error(error);
      }
    },
    error: error => {
      if (options.error) options.error(error);
      else destination.error(error);
    },
    complete: () => {
      if (!options.complete) return destination.complete();
      try {
        options.complete();
      } catch (error) {
        destination.error(error);
      }
    },
  });
}
