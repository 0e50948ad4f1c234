import { Subscriber } from 'rxjs';

/**
 * Subscribes to a source on behalf of a subscriber, as RxJS's own operators do.
 *
 * It is closed as soon as the subscriber is, also while a synchronous source is still in its loop; errors and, where
 * `onComplete` is not given, completion go on to the subscriber, and so does what `onNext` throws.
 */
export class Link<T> extends Subscriber<T> {
  constructor(
    to: Subscriber<unknown>,
    private readonly onNext: (value: T) => void,
    private readonly onComplete?: () => void,
    private readonly onError?: (error: unknown) => void,
  ) {
    super(to);
  }

  protected override _next(value: T): void {
    try {
      this.onNext(value);
    } catch (error) {
      this.destination.error(error);
    }
  }

  protected override _error(error: unknown): void {
    if (!this.onError) return super._error(error);
    this.onError(error);
    this.unsubscribe();
  }

  protected override _complete(): void {
    if (!this.onComplete) return super._complete();
    try {
      this.onComplete();
    } catch (error) {
      this.destination.error(error);
    }
    this.unsubscribe();
  }
}
