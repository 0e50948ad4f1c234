import { Observable, of, Subject, type Subscriber, take, throwError } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { operate } from '../../../lib/dispatch/operate.js';

const oops = new Error('oops');

type Handlers = [
  onNext: (value: number) => void,
  onComplete?: (() => void) | undefined,
  onError?: (error: unknown) => void,
];

/** An operator that is nothing but a link; what it emits is up to the handlers. */
const linked =
  (handlers: (to: Subscriber<unknown>) => Handlers) =>
  (source: Observable<number>): Observable<unknown> =>
    new Observable(to => {
      const [next, complete, error] = handlers(to);
      operate(source, { destination: to, next, ...(complete && { complete }), ...(error && { error }) });
    });

/** All that a subscriber sees. */
function seen(observable: Observable<unknown>): unknown[] {
  const log: unknown[] = [];
  observable.subscribe({
    next: value => log.push(value),
    error: error => log.push('#', error),
    complete: () => log.push('|'),
  });
  return log;
}

test('values go to the handler; completion and errors go on', () => {
  const twice = linked(to => [value => to.next(value * 2)]);
  assert.equal(seen(of(1, 2).pipe(twice)), [2, 4, '|']);
  assert.equal(seen(throwError(() => oops).pipe(twice)), ['#', oops]);
});

test('a throw in the handler is an error of the stream, and the source is let go of', () => {
  const source = new Subject<number>();
  const log = seen(
    source.pipe(
      linked(() => [
        () => {
          throw oops;
        },
      ]),
    ),
  );
  source.next(1);
  assert.is(source.observed, false);
  source.next(2);
  assert.equal(log, ['#', oops]);
});

test('a synchronous source is stopped when the subscriber has enough', () => {
  let read = 0;
  const endless = new Observable<number>(subscriber => {
    while (!subscriber.closed) subscriber.next(read++);
  });
  assert.equal(
    seen(
      endless.pipe(
        linked(to => [value => to.next(value)]),
        take(3),
      ),
    ),
    [0, 1, 2, '|'],
  );
  assert.is(read, 3);
});

test('unsubscribing lets go of the source', () => {
  const source = new Subject<number>();
  const subscription = source.pipe(linked(() => [() => undefined])).subscribe();
  assert.is(source.observed, true);
  subscription.unsubscribe();
  assert.is(source.observed, false);
});

test('completion goes to its handler alone, where there is one', () => {
  const closed: boolean[] = [];
  const log = seen(of(1).pipe(linked(to => [() => undefined, () => closed.push(to.closed)])));
  assert.equal(log, []);
  assert.equal(closed, [false]);
  const late = linked(to => [
    () => undefined,
    () => {
      to.next('last');
      to.complete();
    },
  ]);
  assert.equal(seen(of(1).pipe(late)), ['last', '|']);
});

test('a throw in the handler of completion is an error of the stream', () => {
  const failing = linked(() => [
    () => undefined,
    () => {
      throw oops;
    },
  ]);
  assert.equal(seen(of(1).pipe(failing)), ['#', oops]);
});

test('an error goes to its handler alone, where there is one', () => {
  const errors: unknown[] = [];
  const log = seen(
    throwError(() => oops).pipe(linked(() => [() => undefined, undefined, error => void errors.push(error)])),
  );
  assert.equal(errors, [oops]);
  assert.equal(log, []);
});

test('the source is let go of after completion and after an error', () => {
  for (const end of ['complete', 'error'] as const) {
    let gone = 0;
    const source = new Observable<number>(subscriber => {
      subscriber[end](oops);
      return () => {
        gone += 1;
      };
    });
    source.pipe(linked(() => [() => undefined, () => undefined, () => undefined])).subscribe();
    assert.is(gone, 1, end);
  }
});

test.run();
