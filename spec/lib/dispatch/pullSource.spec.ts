import { Subject, take, takeUntil } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PullSource } from '../../../lib/dispatch/pullSource.js';
import { inline } from '../../../lib/executors/inline.js';
import { sweep } from '../../../lib/sources/sweep.js';
import { parallelMap } from '../../../operators/parallelMap.js';

const oops = new Error('oops');
const tick = () => new Promise(resolve => setImmediate(resolve));

/** A pullSource, and all that its receiver and its generator see. */
function supplyOf(make: (log: unknown[]) => Iterable<unknown> | AsyncIterable<unknown>) {
  const log: unknown[] = [];
  const receiver = {
    push: (value: unknown) => void log.push(value),
    end: () => void log.push('|'),
    endWith: (error: unknown) => void log.push('#', error),
  };
  return { log, pullSource: new PullSource(make(log), receiver) };
}

function* counting(log: unknown[], end = Infinity): Generator<number> {
  try {
    for (let i = 0; i < end; i++) {
      log.push(`read ${i}`);
      yield i;
    }
  } finally {
    log.push('finally');
  }
}

async function* countingAsync(log: unknown[], end = Infinity): AsyncGenerator<number> {
  yield* counting(log, end);
}

test('an iterable is opened by the first request, and read no further than asked for', () => {
  const { log, pullSource } = supplyOf(counting);
  assert.equal(log, []);
  pullSource.request(2);
  assert.equal(log, ['read 0', 0, 'read 1', 1]);
  pullSource.request(1);
  assert.equal(log.slice(4), ['read 2', 2]);
});

test('the end is told as soon as it is reached, and once', () => {
  const { log, pullSource } = supplyOf(log => counting(log, 2));
  pullSource.request(2);
  assert.equal(log, ['read 0', 0, 'read 1', 1]);
  pullSource.request(5);
  pullSource.request(5);
  assert.equal(log.slice(4), ['finally', '|']);
});

test('stop: a generator runs its finally, and nothing more is read', () => {
  const { log, pullSource } = supplyOf(counting);
  pullSource.request(1);
  pullSource.stop();
  pullSource.stop();
  pullSource.request(3);
  assert.equal(log, ['read 0', 0, 'finally']);
});

test('stop before the first request, or after the end: the iterator is left alone', () => {
  const early = supplyOf(counting);
  early.pullSource.stop();
  early.pullSource.request(1);
  assert.equal(early.log, []);
  let returned = 0;
  const late = supplyOf(() => ({
    [Symbol.iterator]: () => ({
      next: () => ({ done: true as const, value: undefined }),
      return: () => {
        returned += 1;
        return { done: true as const, value: undefined };
      },
    }),
  }));
  late.pullSource.request(1);
  late.pullSource.stop();
  assert.equal(late.log, ['|']);
  assert.is(returned, 0);
});

test('stop: an iterator need not have a return', () => {
  const { log, pullSource } = supplyOf(() => ({
    [Symbol.iterator]: () => ({ next: () => ({ done: false as const, value: 0 }) }),
  }));
  pullSource.request(1);
  pullSource.stop();
  assert.equal(log, [0]);
});

test('an error after stop is told to nobody', async () => {
  const { log, pullSource } = supplyOf(() => ({
    [Symbol.asyncIterator]: () => ({ next: () => tick().then(() => Promise.reject(oops)) }),
  }));
  pullSource.request(1);
  pullSource.stop();
  await tick();
  await tick();
  assert.equal(log, []);
});

test('stop while a value is taken: no other is read', () => {
  const log: unknown[] = [];
  const pullSource: PullSource = new PullSource(counting(log), {
    push: value => {
      log.push(value);
      pullSource.stop();
    },
    end: assert.unreachable,
    endWith: assert.unreachable,
  });
  pullSource.request(5);
  assert.equal(log, ['read 0', 0, 'finally']);
});

test('more is asked for while a value is taken: read on, not read twice', () => {
  const log: unknown[] = [];
  const pullSource: PullSource = new PullSource(counting(log), {
    push: value => {
      log.push(value);
      if (value === 0) pullSource.request(2);
    },
    end: assert.unreachable,
    endWith: assert.unreachable,
  });
  pullSource.request(1);
  assert.equal(log, ['read 0', 0, 'read 1', 1, 'read 2', 2]);
});

test('an error in a generator fails the run, once', () => {
  const { log, pullSource } = supplyOf(function* () {
    yield 0;
    throw oops;
  });
  pullSource.request(3);
  pullSource.request(3);
  assert.equal(log, [0, '#', oops]);
});

test('what cannot be iterated after all fails the run', () => {
  const { log, pullSource } = supplyOf(() => ({
    [Symbol.iterator]() {
      throw oops;
    },
  }));
  pullSource.request(1);
  assert.equal(log, ['#', oops]);
  const broken = supplyOf(() => ({ [Symbol.iterator]: () => ({ next: () => 3 as never }) }));
  broken.pullSource.request(1);
  assert.is(broken.log[0], '#');
  assert.instance(broken.log[1], TypeError);
});

test('an async iterable: one value after another, no further than asked for', async () => {
  const { log, pullSource } = supplyOf(countingAsync);
  pullSource.request(2);
  await tick();
  assert.equal(log, ['read 0', 0, 'read 1', 1]);
  pullSource.request(1);
  pullSource.request(2);
  await tick();
  assert.equal(log.slice(4), ['read 2', 2, 'read 3', 3]);
});

test('an async iterable: its end, its error', async () => {
  const ended = supplyOf(log => countingAsync(log, 1));
  ended.pullSource.request(2);
  await tick();
  assert.equal(ended.log, ['read 0', 0, 'finally', '|']);
  const failed = supplyOf(async function* () {
    yield 0;
    throw oops;
  });
  failed.pullSource.request(2);
  await tick();
  assert.equal(failed.log, [0, '#', oops]);
});

test('an async iterable that is stopped: its finally runs, and what was on its way is dropped', async () => {
  const { log, pullSource } = supplyOf(countingAsync);
  pullSource.request(2);
  pullSource.stop();
  await tick();
  assert.equal(log, ['read 0', 'finally']);
});

test('a clean-up that throws: heard by nobody, as nobody is left', async () => {
  const { pullSource } = supplyOf(function* () {
    try {
      yield 0;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
      throw oops;
    }
  });
  pullSource.request(1);
  pullSource.stop();
  const later = supplyOf(async function* () {
    try {
      yield 0;
    } finally {
      // biome-ignore lint/correctness/noUnsafeFinally: that is what is tested
      throw oops;
    }
  });
  later.pullSource.request(1);
  await tick();
  later.pullSource.stop();
  await tick();
});

test('a generator that unsubscribes from the run which reads it', async () => {
  const rows: number[] = [];
  const stop = new Subject<void>();
  const values = (function* () {
    yield 1;
    stop.next();
    yield 2;
  })();
  sweep(values)
    .pipe(
      parallelMap(x => Promise.resolve(x), { executor: inline() }),
      takeUntil(stop),
    )
    .subscribe(row => rows.push(row));
  await tick();
  assert.equal(rows, [1]);
  assert.is(stop.observed, false);
});

test('a sweep under take(1): a single value of a billion is read', () => {
  const log: unknown[] = [];
  const rows: number[] = [];
  sweep(counting(log, 1e9))
    .pipe(
      parallelMap(x => x, { executor: inline() }),
      take(1),
    )
    .subscribe(row => rows.push(row));
  assert.equal(rows, [0]);
  assert.equal(log, ['read 0', 'finally']);
});

test('behind any other operator a sweep pushes, as from does', () => {
  const rows: number[] = [];
  sweep([1, 2, 3])
    .pipe(take(2))
    .subscribe(row => rows.push(row));
  assert.equal(rows, [1, 2]);
});

test.run();
