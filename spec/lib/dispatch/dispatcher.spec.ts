import { AsyncLocalStorage } from 'node:async_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import {
  config,
  from,
  interval,
  map,
  Observable,
  range,
  type SchedulerLike,
  Subject,
  type Subscriber,
  take,
} from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Dispatcher } from '../../../lib/dispatch/dispatcher.js';
import type { SettledBatch } from '../../../lib/dispatch/settledBatch.js';
import {
  MapError,
  NotTransferableError,
  TaskError,
  TaskTimeoutError,
  WorkerCrashError,
} from '../../../lib/errors.js';
import {
  type Chunk,
  ChunkTimeoutError,
  type Executor,
  type Failure,
  type Report,
  type Run,
  WorkerLostError,
} from '../../../lib/executor.js';
import { inline } from '../../../lib/executors/inline.js';
import { type MapOptions, planOf } from '../../../lib/options/mapOptions.js';
import type { Progress, ProgressObserver } from '../../../lib/progress/progressMeter.js';
import type { ColumnBatch } from '../../../lib/protocol/columnBatch.js';
import { rowReader } from '../../../lib/serialization/columnBatch.js';
import { sweep } from '../../../lib/sources/sweep.js';
import { randomOf } from '../../../lib/testing/randomOf.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { parallelMapSettled, type SettledRow } from '../../../operators/parallelMapSettled.js';
import { sleep } from '../../support/deadline.js';
import { propertyRuns } from '../../support/propertyRuns.js';
import { inVirtualTime, plain } from '../../support/virtualTime.js';

const oops = new Error('oops');
const task = (input: unknown) => input;
const packed = (rows: readonly unknown[]): ColumnBatch => ({
  length: rows.length,
  shape: { kind: 'row' },
  columns: [[...rows]],
});

/** A chunk that a spec has in hand. */
class Flown {
  constructor(
    readonly chunk: Chunk,
    readonly after: Chunk | undefined,
    private readonly subscriber: Subscriber<Report>,
    /** Milliseconds that each report says it took. */
    private readonly elapsed: number,
  ) {}

  get inputs(): unknown[] {
    return Array.from(this.chunk.inputs);
  }

  /** Whether the dispatcher has let go of it, or it has ended. */
  get over(): boolean {
    return this.subscriber.closed;
  }

  /** The next inputs have settled: an Error is the failure of its input. */
  report(...rows: readonly unknown[]): this {
    const failures: Failure[] = rows.flatMap((cause, offset) =>
      cause instanceof Error ? [{ offset, cause }] : [],
    );
    return this.reportAs(
      rows.length,
      rows.filter(row => !(row instanceof Error)),
      failures,
    );
  }

  reportAs(count: number, rows: readonly unknown[], failures: readonly Failure[]): this {
    return this.reportBatch(count, packed(rows), failures);
  }

  reportBatch(count: number, rows: ColumnBatch, failures: readonly Failure[]): this {
    this.subscriber.next({ count, rows, failures, elapsed: this.elapsed });
    return this;
  }

  done(): void {
    this.subscriber.complete();
  }

  lost(error: unknown = new WorkerLostError({ exitCode: 1, reason: 'exit code 1' })): void {
    this.subscriber.error(error);
  }
}

/** A dispatcher on an executor whose chunks the spec drives by hand. */
function dispatcherOf(
  {
    maxInputs = 4,
    prefetch = false,
    elapsed = 0,
    progress,
    ...options
  }: MapOptions & {
    maxInputs?: number;
    prefetch?: boolean;
    elapsed?: number;
    progress?: Required<Pick<ProgressObserver, 'next'>>;
  } = {},
  changes?: Subject<void>,
  onBlock?: () => void,
) {
  const flights: Flown[] = [];
  const forgotten: Run[] = [];
  const fly = (chunk: Chunk, after?: Chunk) =>
    new Observable<Report>(subscriber => void flights.push(new Flown(chunk, after, subscriber, elapsed)));
  const executor: Executor = {
    parallelism: 2,
    ...(changes && { changes }),
    chunkPolicy: { timeSlice: 8, maxInputs },
    run: chunk => fly(chunk),
    ...(prefetch && { prefetching: { run: fly } }),
    forget: run => {
      assert.ok(
        flights.every(({ over }) => over),
        'no chunk is under way any more',
      );
      forgotten.push(run);
    },
    close: async () => undefined,
  };
  const plan = planOf('spec', task, { chunk: maxInputs, ...options }, { executor });
  const run: Run = { ...plan, task, concurrency: plan.concurrency ?? executor.parallelism };
  const log: unknown[] = [];
  const blocks: SettledBatch[] = [];
  const dispatcher = new Dispatcher({
    run,
    plan,
    executor,
    observer: {
      next: batch => {
        blocks.push(batch);
        const at = rowReader(batch.rows);
        log.push(...Array.from({ length: batch.rows.length }, (_, i) => at(i)));
        onBlock?.();
      },
      error: error => log.push('#', error),
      complete: () => log.push('|'),
    },
  });
  dispatcher.start({ progress, total: undefined });
  const push = (...inputs: readonly unknown[]) => {
    for (const input of inputs) dispatcher.push(input);
  };
  return { dispatcher, executor, flights, forgotten, log, blocks, push, run };
}

/** Inputs of the chunks that are under way. */
const flying = (flights: readonly Flown[]): unknown[][] =>
  flights.filter(({ over }) => !over).map(({ inputs }) => inputs);

test('one chunk for each worker, the next when one is free', () => {
  const { flights, push, log, dispatcher } = dispatcherOf();
  push(...'abcdefghi');
  assert.equal(flying(flights), [['a'], ['b']]);
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [['a'], [...'cdef']]);
  flights[0]!.report('A').done();
  assert.equal(flying(flights), [[...'cdef'], [...'ghi']]);
  flights[2]!.report('C', 'D').report('E', 'F').done();
  dispatcher.end();
  assert.equal(log, [...'ABCDEF']);
  flights[3]!.report('G', 'H', 'I');
  assert.equal(log, [...'ABCDEFGHI'], 'not over while a worker is busy');
  flights[3]!.done();
  assert.equal(log, [...'ABCDEFGHI', '|']);
});

/** As `flying`, with what each is after. */
const lined = (flights: readonly Flown[]): string[] =>
  flights
    .filter(({ over }) => !over)
    .map(({ inputs, after }) => [inputs, ...(after ? [after.inputs] : [])])
    .map(
      ([inputs, after]) => (inputs as string[]).join('') + (after ? `<${Array.from(after).join('')}` : ''),
    );

test('a busy worker gets its next chunk ahead, once it is known what a task costs, and while there is enough', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ maxInputs: 1, prefetch: true, elapsed: 1 });
  push(...'abcdefgh');
  dispatcher.end();
  assert.equal(lined(flights), ['a', 'b'], 'not before');
  flights[0]!.report('A').done();
  assert.equal(lined(flights), ['b', 'c', 'd<b', 'e<c']);
  flights[1]!.report('B').done();
  assert.equal(lined(flights), ['c', 'd<b', 'e<c', 'f<d']);
  flights[2]!.report('C').done();
  assert.equal(lined(flights), ['d<b', 'e<c', 'f<d', 'g<e']);
  flights[3]!.report('D').done();
  assert.equal(lined(flights), ['e<c', 'f<d', 'g<e'], 'the last one goes to the worker that is free first');
  flights[4]!.report('E').done();
  flights[5]!.report('F').done();
  assert.equal(lined(flights), ['g<e', 'h']);
  flights[6]!.report('G').done();
  flights[7]!.report('H').done();
  assert.equal(log, [...'ABCDEFGH', '|']);
});

test('a chunk goes ahead where there is a full one for each worker, and not where there is less', () => {
  for (const [inputs, expected] of [
    ['abcdefghijklmn', ['cde', 'fgh<b', 'ijk<cde']],
    ['abcdefghijk', ['cde', 'fgh<b']],
    ['abcdefghij', ['cde', 'fgh']],
  ] as const) {
    const { flights, push, dispatcher } = dispatcherOf({ maxInputs: 3, prefetch: true, elapsed: 1 });
    push(...inputs);
    dispatcher.end();
    flights[0]!.report('A').done();
    flights[1]!.report('B').done();
    assert.equal(lined(flights), [...expected], inputs);
  }
});

test('tasks longer than a slice: ahead only where a chunk can be taken back', () => {
  for (const recall of [undefined, () => undefined]) {
    const { flights, push, executor } = dispatcherOf({ maxInputs: 1, prefetch: true, elapsed: 9 });
    Object.assign(executor.prefetching as object, { recall });
    push(...'abcdefgh');
    flights[0]!.report('A').done();
    assert.equal(lined(flights), recall ? ['b', 'c', 'd<b', 'e<c'] : ['b', 'c']);
  }
});

test('a worker without work: takes over what waits for a busy one, where that has not begun', () => {
  const { flights, push, log, executor, dispatcher } = dispatcherOf({
    maxInputs: 1,
    prefetch: true,
    elapsed: 1,
  });
  const recalled: unknown[] = [];
  let begun = false;
  const recall = (chunk: Chunk) => {
    recalled.push(...Array.from(chunk.inputs));
    if (!begun) flights.find(flight => flight.chunk === chunk)!.done();
  };
  Object.assign(executor.prefetching as object, { recall });
  push(...'abcdef');
  dispatcher.end();
  flights[0]!.report('A').done();
  assert.equal(lined(flights), ['b', 'c', 'd<b', 'e<c']);
  flights[2]!.report('C').done();
  flights[4]!.report('E').done();
  assert.equal(lined(flights), ['b', 'd<b', 'f']);
  assert.equal(recalled, [], 'not while there is other work');
  begun = true;
  flights[5]!.report('F').done();
  assert.equal([recalled, lined(flights)], [['d'], ['b', 'd<b']], 'one that its worker has begun stays');
  begun = false;
  flights[1]!.report('B');
  assert.equal(
    [recalled, lined(flights)],
    [
      ['d', 'd'],
      ['b', 'd'],
    ],
  );
  flights[6]!.report('D').done();
  assert.equal(log, [...'ABCDEF']);
  flights[1]!.done();
  assert.equal(log, [...'ABCDEF', '|']);
});

test('a worker without work: where one chunk cannot be taken back, the next one may', () => {
  const { flights, push, executor, dispatcher } = dispatcherOf({
    maxInputs: 1,
    prefetch: true,
    elapsed: 1,
    concurrency: 3,
  });
  const recall = (chunk: Chunk) => {
    const flight = flights.find(flight => flight.chunk === chunk)!;
    if (flight.inputs[0] !== 'e') flight.done();
  };
  Object.assign(executor.prefetching as object, { recall });
  push(...'abcdefghi');
  dispatcher.end();
  flights[0]!.report('A').done();
  assert.equal(lined(flights), ['b', 'c', 'd', 'e<b', 'f<c', 'g<d']);
  flights[3]!.report('D').done();
  flights[6]!.report('G').done();
  flights[7]!.report('H').done();
  flights[8]!.report('I').done();
  assert.equal(lined(flights), ['b', 'c', 'e<b', 'f'], 'not e, which its worker has begun');
});

test('a worker that dies: what waited for it is no suspect', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({
    maxInputs: 2,
    concurrency: 1,
    prefetch: true,
    elapsed: 1,
  });
  push(...'abcdefgh');
  dispatcher.end();
  flights[0]!.report('A').done();
  assert.equal(lined(flights), ['bc', 'de<bc']);
  flights[1]!.lost();
  flights[2]!.lost(new WorkerLostError({ exitCode: 1, reason: 'exit code 1' }, true));
  assert.equal(
    lined(flights),
    ['de'],
    'a suspect is alone, and neither waits for another nor has one wait for it',
  );
  for (let i = 3; i < flights.length; i++) {
    const flight = flights[i]!;
    if (flight.inputs.length > 1)
      assert.equal(
        flight.inputs.filter(input => input === 'b' || input === 'c'),
        [],
      );
    flight.report(...flight.inputs.map(input => (input as string).toUpperCase())).done();
  }
  assert.equal(log, [...'ABCDEFGH', '|']);
});

test('a source that pushes for long: what workers have said meanwhile is heard, and they go on', () => {
  const { flights, push, log, executor } = dispatcherOf({ maxInputs: 4, concurrency: 1 });
  let polls = 0;
  const poll = () => {
    polls += 1;
    const flight = flights.at(-1)!;
    flight.report(...flight.inputs).done();
  };
  Object.assign(executor, { poll });
  for (let i = 0; i < 50_000; i++) push(i);
  assert.ok(polls >= 5, `${polls} times`);
  assert.equal(flights.length, polls + 1);
  assert.equal(
    log,
    Array.from({ length: 1 + 4 * (polls - 1) }, (_, i) => i),
  );
});

test('inputs that a block still refers to are not written over by later ones', () => {
  const { flights, push, blocks } = dispatcherOf({ maxInputs: 16_384, maxBuffered: 1e6 });
  const settle = (flight: Flown) => flight.report(...flight.inputs).done();
  for (let i = 0; i < 20_000; i++) push(i);
  const [held] = flights as [Flown];
  for (let round = 1; round <= 4; round++) {
    settle(flights.at(-1)!);
    for (let i = 0; i < 20_000; i++) push(20_000 * round + i);
  }
  assert.equal(blocks, [], 'all of them wait for the first one');
  settle(held);
  assert.ok(blocks.some(({ count }) => count === 16_384));
  for (const { first, inputs, offset } of blocks) assert.is(inputs[offset], first);
});

test('blocks that come while one is delivered: they follow it, and the end follows them', () => {
  const later: (() => void)[] = [];
  const { flights, push, log, dispatcher } = dispatcherOf(
    { maxInputs: 1, concurrency: 2, ordered: false },
    undefined,
    () => later.shift()?.(),
  );
  push('a', 'b');
  dispatcher.end();
  later.push(() => {
    flights[1]!.report('B').done();
    log.push('a is delivered');
  });
  flights[0]!.report('A').done();
  assert.equal(log, ['A', 'a is delivered', 'B', '|']);
});

test('every chunk of a run names the same run, and the index of its first input', () => {
  const { flights, push, run } = dispatcherOf();
  push(...'abc');
  flights[0]!.report('A').done();
  assert.equal(
    flights.map(({ chunk }) => chunk.first),
    [0, 1, 2],
  );
  assert.ok(flights.every(({ chunk }) => chunk.run === run));
});

test('whoever calls a dispatcher: it calls in the async context that it was made in', () => {
  const store = new AsyncLocalStorage<string>();
  const changes = new Subject<void>();
  const seen: unknown[] = [];
  const made = store.run('own', () =>
    dispatcherOf({ maxInputs: 1 }, changes, () => seen.push(`row: ${store.getStore()}`)),
  );
  const { dispatcher, executor, flights } = made;
  const { run } = executor;
  executor.run = chunk => {
    seen.push(`run: ${store.getStore()}`);
    return run(chunk);
  };
  executor.forget = () => void seen.push(`forget: ${store.getStore()}`);
  Object.assign(executor, { parallelism: 0 });
  store.run('executor', () => changes.next());
  store.run('source', () => made.push('a', 'b'));
  assert.equal(seen, [], 'nobody is there');
  Object.assign(executor, { parallelism: 1 });
  store.run('executor', () => changes.next());
  store.run('worker', () => flights[0]?.report('A').done());
  assert.equal(seen.splice(0), ['run: own', 'row: own', 'run: own']);
  store.run('worker', () => flights[1]?.report('B').done());
  store.run('source', () => made.push('c'));
  store.run('somebody', () => dispatcher.stop());
  assert.equal(seen, ['row: own', 'run: own', 'forget: own']);
});

test('an executor that grows and shrinks: as many chunks as it has workers, unless the run says how many', () => {
  const changes = new Subject<void>();
  const { flights, push, executor, dispatcher } = dispatcherOf({ maxInputs: 1 }, changes);
  const fixed = dispatcherOf({ maxInputs: 1, concurrency: 1 }, changes);
  const grow = (parallelism: number) => {
    for (const it of [executor, fixed.executor]) Object.assign(it, { parallelism });
    changes.next();
  };
  push(...'abcdefgh');
  fixed.push(...'ab');
  assert.is(flying(flights).length, 2);
  grow(4);
  assert.is(flying(flights).length, 4);
  grow(1);
  assert.is(flying(flights).length, 4, 'what is under way goes on');
  for (const flight of flights.slice(0, 3)) flight.report('X').done();
  assert.is(flying(flights).length, 1);
  assert.equal(flying(fixed.flights), [['a']]);
  dispatcher.stop();
  fixed.dispatcher.stop();
  assert.is(changes.observed, false);
});

test('an executor that has no workers for a while: the run waits', () => {
  const changes = new Subject<void>();
  const { flights, push, executor, dispatcher, log } = dispatcherOf({ maxInputs: 1 }, changes);
  const grow = (parallelism: number) => {
    Object.assign(executor, { parallelism });
    changes.next();
  };
  grow(0);
  push('a', 'b');
  dispatcher.end();
  assert.equal([flights, log], [[], []]);
  grow(1);
  flights[0]!.report('A').done();
  flights[1]!.report('B').done();
  assert.equal(log, ['A', 'B', '|']);
});

test('what a worker hands back is given out next, before all others', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1 });
  push(...'abcdefg');
  dispatcher.end();
  flights[0]!.report('A').done();
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [[...'cdef']], 'and what follows it fills the chunk');
  flights[2]!.done();
  assert.equal(flying(flights), [[...'cdef']], 'also where nothing of it ran');
  flights[3]!.report('C', 'D', 'E').done();
  flights[4]!.report('F', 'G').done();
  assert.equal(log, [...'ABCDEFG', '|']);
});

test('what a worker hands back makes no room for others beyond maxBuffered', () => {
  const { flights, push } = dispatcherOf({ maxBuffered: 3 });
  push(...'abcdefgh');
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [['a'], ['c', 'd']], 'three results can wait for the first one');
  flights[2]!.done();
  assert.equal(flying(flights), [['a'], ['c', 'd']]);
  flights[3]!.report('C').done();
  assert.equal(flying(flights), [['a'], ['d']]);
  flights[0]!.report('A');
  flights[4]!.done();
  assert.equal(flying(flights), [['a'], ['d', 'e', 'f', 'g']], 'but does not use up what room there is');
});

test('numbers are handed out, and back, as a Float64Array', () => {
  const { flights, push } = dispatcherOf({ concurrency: 1 });
  push(0, 1, 2, 3, 4);
  flights[0]!.report(0).done();
  flights[1]!.report(1).done();
  assert.equal(
    flights.map(({ chunk }) => chunk.inputs),
    [Float64Array.of(0), Float64Array.of(1, 2, 3, 4), Float64Array.of(2, 3, 4)],
  );
});

test('a worker that dies with several inputs: those it has not reported run again one by one', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1 });
  push(...'abcdef');
  dispatcher.end();
  flights[0]!.report('A').done();
  flights[1]!.report('B').lost();
  for (const letter of 'CDE') {
    assert.equal(flying(flights), [[letter.toLowerCase()]]);
    flights.at(-1)!.report(letter).done();
  }
  assert.equal(flying(flights), [['f']]);
  flights.at(-1)!.report('F').done();
  assert.equal(log, [...'ABCDEF', '|']);
});

test('only the input that kills a worker is failed, the third time: once among others, twice alone', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1, failFast: false });
  push(...'abcd');
  dispatcher.end();
  flights[0]!.report('A').done();
  flights[1]!.lost();
  flights[2]!.report('B').done();
  for (let time = 2; time <= 3; time++) {
    assert.equal(flying(flights), [['c']], `time ${time}`);
    flights.at(-1)!.lost(new WorkerLostError({ exitCode: time, reason: 'died' }));
  }
  flights.at(-1)!.report('D').done();
  const crash = new WorkerCrashError({ index: 2, input: 'c' }, { exitCode: 3, reason: 'died' });
  assert.equal(plain(log), plain([...'ABD', '#', new MapError([crash], 4)]));
  assert.is(flights.length, 6);
});

test('a suspect that a worker hands back stays alone', () => {
  const { flights, push } = dispatcherOf({ maxInputs: 2, concurrency: 1 });
  push(...'abcde');
  flights[0]!.report('A').done();
  flights[1]!.lost();
  flights[2]!.report('B').done();
  assert.equal(flying(flights), [['c']]);
  flights[3]!.done();
  assert.equal(flying(flights), [['c']], 'and not with d');
});

test('the last input of a chunk whose worker dies is a suspect: alone, and not with what follows', () => {
  const { flights, push } = dispatcherOf({ maxInputs: 2, concurrency: 1 });
  push(...'abcde');
  flights[0]!.report('A').done();
  flights[1]!.report('B').lost();
  assert.equal(flying(flights), [['c']]);
});

test('an input that kills its worker, with retry: three crashes more, and a row if it gives one', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ maxInputs: 1, concurrency: 1, retry: 1 });
  push('a');
  dispatcher.end();
  for (let time = 1; time <= 3; time++) flights.at(-1)!.lost();
  assert.equal([log, flying(flights)], [[], [['a']]]);
  flights.at(-1)!.report('A').done();
  assert.equal(log, ['A', '|']);
});

test('an input that is late, with retry: another try, alone', () => {
  const { flights, push, log } = dispatcherOf({ maxInputs: 1, concurrency: 1, retry: 1, taskTimeout: 5 });
  push('a', 'b');
  flights[0]!.lost(new ChunkTimeoutError());
  assert.equal([log, flying(flights)], [[], [['a']]]);
  flights[1]!.lost(new ChunkTimeoutError());
  assert.equal(plain(log), plain(['#', new TaskTimeoutError({ index: 0, input: 'a' }, 5)]));
});

test('progress counts the failure that ends a run: thrown, late, or a crash', () => {
  const ends: ((flight: Flown) => void)[] = [
    flight => flight.report('A', oops),
    flight => flight.report('A').lost(new ChunkTimeoutError()),
    flight => {
      flight.report('A').lost();
    },
  ];
  for (const end of ends) {
    let last: Partial<Progress> = {};
    const progress = { next: (value: Progress) => (last = value) };
    const { flights, push, log } = dispatcherOf({ concurrency: 1, taskTimeout: 5, progress });
    push(...'_ab');
    flights[0]!.report('_').done();
    end(flights[1]!);
    for (let i = 2; i < flights.length; i++) flights[i]!.lost();
    assert.is(log.at(-2), '#');
    assert.equal([last.completed, last.failed], [2, 1], String(log.at(-1)));
  }
});

test('a worker that dies when it has reported all: no input is to blame', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1 });
  push(...'ab');
  dispatcher.end();
  flights[0]!.report('A').lost();
  flights[1]!.report('B').lost();
  assert.equal(log, ['A', 'B', '|']);
});

test('a worker that dies before it runs anything: no input is to blame, however often', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1 });
  push(...'abc');
  dispatcher.end();
  for (let time = 0; time < 5; time++)
    flights.at(-1)!.lost(new WorkerLostError({ exitCode: 1, reason: 'no start' }, true));
  flights.at(-1)!.report('A').done();
  flights.at(-1)!.lost(new WorkerLostError({ exitCode: 1, reason: 'no start' }, true));
  assert.equal(flying(flights), [['b', 'c']], 'nor is any to be run alone');
  flights.at(-1)!.report('B', 'C').done();
  assert.equal(log, [...'ABC', '|']);
});

test('a chunk that is late when it has reported all: no input is to blame', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1, taskTimeout: 5 });
  push(...'ab');
  dispatcher.end();
  flights[0]!.report('A').lost(new ChunkTimeoutError());
  flights[1]!.report('B').done();
  assert.equal(log, ['A', 'B', '|']);
});

test('a chunk past its taskTimeout: its inputs run again one by one, and the one that is late alone is failed', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({
    concurrency: 1,
    taskTimeout: 5,
    failFast: false,
  });
  push(...'abcd');
  dispatcher.end();
  flights[0]!.report('A').done();
  flights[1]!.lost(new ChunkTimeoutError());
  flights[2]!.lost(new ChunkTimeoutError());
  flights[3]!.report('C').done();
  flights[4]!.report('D').done();
  const late = new TaskTimeoutError({ index: 1, input: 'b' }, 5);
  assert.equal(plain(log), plain([...'ACD', '#', new MapError([late], 4)]));
});

test('the last input of a chunk is late: it is known which one', () => {
  const { flights, push, log } = dispatcherOf({ concurrency: 1, taskTimeout: 5 });
  push(...'abc');
  flights[0]!.report('A').done();
  flights[1]!.report('B').lost(new ChunkTimeoutError());
  assert.equal(plain(log), plain(['A', 'B', '#', new TaskTimeoutError({ index: 2, input: 'c' }, 5)]));
});

test('any other error of an executor ends the run, once, and lets go of the other chunks', () => {
  const { flights, push, log, forgotten } = dispatcherOf({ retry: 3, failFast: false });
  push(...'abc');
  flights[0]!.lost(oops);
  assert.equal(log, ['#', oops]);
  assert.equal(flying(flights), []);
  assert.is(flights.length, 2);
  assert.is(forgotten.length, 1);
});

test('an executor that throws instead of running: that ends the run, once', () => {
  const { executor, push, log, forgotten } = dispatcherOf({ retry: 3, failFast: false });
  Object.assign(executor, {
    run: () => {
      throw oops;
    },
  });
  push(...'abc');
  assert.equal(log, ['#', oops]);
  assert.is(forgotten.length, 1);
});

test('a failure ends the run at once: the rows before it in its report are emitted, those after it not', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1 });
  push(...'abcde');
  flights[0]!.report('A').done();
  flights[1]!.report('B', oops, 'D', 'E');
  assert.equal(plain(log), plain(['A', 'B', '#', new TaskError({ index: 2, input: 'c' }, oops)]));
  assert.equal(flying(flights), []);
  push('f');
  dispatcher.end();
  assert.is(flights.length, 2);
  assert.is(log.length, 4);
});

test('failures in a report with failFast: false: one block, rows and failures apart', () => {
  const { flights, push, blocks } = dispatcherOf({ concurrency: 1, failFast: false });
  push(...'abcde');
  flights[0]!.report('A').done();
  flights[1]!.report(oops, 'C', oops, 'E').done();
  const { first, count, inputs, offset, rows, failures } = blocks[1]!;
  assert.equal([first, count, Array.from(inputs).slice(offset)], [1, 4, [...'bcde']]);
  assert.equal(rows, packed(['C', 'E']));
  assert.equal(
    plain(failures),
    plain([new TaskError({ index: 1, input: 'b' }, oops), new TaskError({ index: 3, input: 'd' }, oops)]),
  );
});

test('failures in a report with retry: each alone again, the rows around them emitted', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ concurrency: 1, retry: 1, ordered: false });
  push(...'abcde');
  dispatcher.end();
  flights[0]!.report('A').done();
  flights[1]!.report('B', oops, 'D', oops).done();
  assert.equal(log, [...'ABD']);
  const again = [flights[2]!.inputs];
  flights[2]!.report(`${flights[2]!.inputs[0]} again`).done();
  again.push(flights[3]!.inputs);
  assert.equal(again.sort(), [['c'], ['e']]);
  flights[3]!.report(oops);
  assert.is(log.at(-2), '#');
  assert.instance(log.at(-1), TaskError);
});

test('an input that is tried again is alone, whatever follows it', () => {
  const { flights, push } = dispatcherOf({ concurrency: 1, retry: 1, maxInputs: 3 });
  push(...'abcdefg');
  flights[0]!.report('A').done();
  flights[1]!.report('B', 'C', oops).done();
  assert.equal(flying(flights), [['d']]);
});

test('failures in a report, some for good and some to be tried again: each block has its own', () => {
  const { flights, push, blocks } = dispatcherOf({ maxInputs: 6, concurrency: 1, retry: 1, failFast: false });
  push(...'abcdefg');
  flights[0]!.report('A').done();
  const untransferable = { what: 'result' as const, path: '', why: 'a function' };
  flights[1]!.reportAs(
    6,
    ['B', 'D', 'F'],
    [
      { offset: 1, cause: undefined, untransferable },
      { offset: 3, cause: oops },
      { offset: 5, cause: undefined, untransferable },
    ],
  );
  flights[1]!.done();
  flights[2]!.report('E').done();
  assert.equal(
    blocks.map(({ first, count, rows, failures }) => [
      first,
      count,
      rows.columns[0],
      failures.map(({ index }) => index),
    ]),
    [
      [0, 1, ['A'], []],
      [1, 3, ['B', 'D'], [2]],
      [4, 1, ['E'], []],
      [5, 2, ['F'], [6]],
    ],
  );
});

test('an input that was tried again after a delay: not held on to, however long the run goes on', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const source = new Subject<object>();
  const failed = new WeakSet<object>();
  const fails = (input: object) => {
    if (failed.has(input)) return 0;
    failed.add(input);
    throw oops;
  };
  let rows = 0;
  const run = source
    .pipe(parallelMap(fails, { executor: inline(), retry: { count: 1, delay: 1 } }))
    .subscribe(() => {
      rows += 1;
    });
  const inputs = Array.from({ length: 20 }, () => {
    const input = {};
    source.next(input);
    return new WeakRef(input);
  });
  const end = Date.now() + 5000;
  while (rows < 20 && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 5));
  assert.is(rows, 20);
  collect();
  const held = inputs.filter(input => input.deref() !== undefined).length;
  run.unsubscribe();
  // The last one may still lie in a register.
  assert.ok(held <= 2, `${held} are held`);
});

test('what is to be tried again goes to an idle worker, and does not wait for the rest of its chunk', () => {
  const { flights, push } = dispatcherOf({ retry: 1 });
  push(...'abcd');
  flights[0]!.report('A').done();
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [['c', 'd']]);
  flights[2]!.report(oops);
  assert.equal(flying(flights), [['c', 'd'], ['c']]);
});

test('inputs that are to be tried again come in their order, before the rest of their chunk has run', () => {
  const { flights, push } = dispatcherOf({ concurrency: 1, retry: 1, ordered: false });
  push(...'abcde');
  flights[0]!.report('A').done();
  flights[1]!.report(oops, oops, oops, oops).done();
  const order: unknown[] = [];
  for (let i = 2; i < 6; i++) {
    order.push(...flights[i]!.inputs);
    flights[i]!.report('again').done();
  }
  assert.equal(order, [...'bcde']);
});

test('an unordered sweep whose inputs wait for their next try is read no further than maxBuffered', () =>
  inVirtualTime(({ flush }) => {
    let read = 0;
    function* inputs() {
      for (;;) yield read++;
    }
    const subscription = sweep(inputs())
      .pipe(
        parallelMap(
          () => {
            throw oops;
          },
          { executor: inline(), ordered: false, retry: { count: 1, delay: 1_000 }, maxBuffered: 7 },
        ),
      )
      .subscribe({ error: () => undefined });
    assert.ok(read <= 9, `${read} were read`);
    flush();
    subscription.unsubscribe();
  }));

test('numbers of an executor that are none end nothing but what they are for', () => {
  for (const elapsed of [Number.NaN, -1, Infinity]) {
    const { flights, push, log, dispatcher } = dispatcherOf({ maxInputs: 8, chunk: 'auto', elapsed });
    push(...'abcdef');
    dispatcher.end();
    for (let i = 0; i < flights.length; i++)
      flights[i]!.report(...flights[i]!.inputs.map(input => (input as string).toUpperCase())).done();
    assert.equal(log, [...'ABCDEF', '|']);
  }
  for (const count of [Number.NaN, -1, 1.5]) {
    const { flights, push, log } = dispatcherOf();
    push('a');
    flights[0]!.reportAs(count, [], []);
    assert.match(String(log.at(-1)), /the executor reported .* inputs of a chunk that has 1 left/);
  }
});

test('what cannot cross is not tried again', () => {
  const { flights, push, log } = dispatcherOf({ retry: 5 });
  push('a');
  flights[0]!.reportAs(
    1,
    [],
    [{ offset: 0, cause: undefined, untransferable: { what: 'result', path: '.f', why: 'a function' } }],
  );
  assert.equal(
    plain(log),
    plain(['#', new NotTransferableError({ index: 0, input: 'a' }, 'result', '.f', 'a function')]),
  );
});

test('a report of nothing changes nothing', () => {
  const { flights, push, log, dispatcher } = dispatcherOf({ maxInputs: 2, concurrency: 3 });
  push(...'abcde');
  dispatcher.end();
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [['a'], ['c'], ['d', 'e']]);
  // The first is awaited by all. The one before `d` says nothing when `D` is there already.
  flights[3]!.report('D', 'E').done();
  flights[2]!.report('C').report().done();
  flights[0]!.report('A').done();
  assert.equal(log, [...'ABCDE', '|']);
});

test('the executor is told once that a run is over: complete, failed or let go of', () => {
  const complete = dispatcherOf();
  complete.dispatcher.end();
  complete.dispatcher.stop();
  assert.equal([complete.forgotten, complete.log], [[complete.run], ['|']]);
  const failed = dispatcherOf();
  failed.push('a');
  failed.dispatcher.fail(oops);
  failed.dispatcher.fail(oops);
  failed.dispatcher.stop();
  assert.equal([failed.forgotten, failed.log], [[failed.run], ['#', oops]]);
  const stopped = dispatcherOf();
  stopped.push('a');
  stopped.dispatcher.stop();
  stopped.dispatcher.stop();
  stopped.dispatcher.end();
  assert.equal([stopped.forgotten, stopped.log], [[stopped.run], []]);
});

test('a run that is over gives nothing out and emits nothing', () => {
  const { flights, push, log, dispatcher } = dispatcherOf();
  push(...'abc');
  const [first] = flights;
  dispatcher.stop();
  first!.report('A').done();
  push('d');
  assert.is(flights.length, 2);
  assert.equal(log, []);
});

test('a run that is let go of while it releases rows: the others are not', () => {
  const log: unknown[] = [];
  const { flights, push, dispatcher } = dispatcherOf({ maxInputs: 1 }, undefined, () => {
    log.push('a block');
    dispatcher.stop();
  });
  push('a', 'b');
  flights[1]!.report('B').done();
  flights[0]!.report('A').done();
  assert.equal(log, ['a block']);
});

/** A source that is asked for inputs, and has nothing to close. */
const supply = (request: (count: number) => void) => ({ request, stop: () => undefined });

test('a supply is asked for one chunk at a time, and for none while too many rows wait', () => {
  const asked: number[] = [];
  const { dispatcher, flights, push, log } = dispatcherOf({ maxInputs: 4, maxBuffered: 5 });
  dispatcher.pullFrom(supply(count => void asked.push(count)));
  assert.equal(asked, [4]);
  push('a');
  push('b');
  assert.equal(flying(flights), [['a'], ['b']], 'what is there does not wait for a full chunk');
  push(...'cdefgh');
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [['a'], [...'cdef']]);
  flights[2]!.report(...'CDEF').done();
  asked.length = 0;
  assert.equal(flying(flights), [['a']], 'B to F wait for A');
  flights[0]!.report('A');
  assert.equal(log, [...'ABCDEF']);
  assert.equal(flying(flights), [['a'], ['g', 'h']]);
  assert.equal(asked, [2]);
});

test('a supply: what is there is one worker’s chunk while more may come, and shared when it has ended', () => {
  const { dispatcher, flights, push } = dispatcherOf({ chunk: 'auto', maxInputs: 8, elapsed: 0.5 });
  dispatcher.pullFrom(supply(() => undefined));
  push('a');
  flights[0]!.report('A').done();
  push('b', 'c');
  assert.equal(flying(flights), [['b'], ['c']]);
  push(...'defghijk');
  dispatcher.end();
  flights[1]!.report('B').done();
  assert.equal(flying(flights), [['c'], ['d', 'e']], 'half of its share');
  const more = dispatcherOf({ chunk: 'auto', maxInputs: 8, elapsed: 0.5 });
  more.dispatcher.pullFrom(supply(() => undefined));
  more.push('a', 'b', ...'cdefghij');
  more.flights[1]!.report('B').done();
  assert.equal(flying(more.flights), [['a'], [...'cdefghij']]);
});

test('a supply that has not ended: chunks ahead, though no more is read than they take', () => {
  const { dispatcher, flights, push } = dispatcherOf({ maxInputs: 1, prefetch: true, elapsed: 1 });
  const letters = [...'abcdef'];
  dispatcher.pullFrom(supply(count => push(...letters.splice(0, count))));
  flights[0]!.report('A').done();
  assert.equal(lined(flights), ['b', 'c', 'd<b', 'e<c']);
});

test('a supply that ends while it is asked', () => {
  const { dispatcher, flights, push, log } = dispatcherOf();
  dispatcher.pullFrom(
    supply(() => {
      push('a');
      dispatcher.end();
    }),
  );
  flights[0]!.report('A').done();
  assert.equal(log, ['A', '|']);
  const empty = dispatcherOf();
  empty.dispatcher.pullFrom(supply(() => empty.dispatcher.end()));
  assert.equal(empty.log, ['|']);
});

test('a supply that fails while it is asked', () => {
  const { dispatcher, flights, push, log } = dispatcherOf();
  dispatcher.pullFrom(
    supply(() => {
      push('a');
      dispatcher.endWith(oops);
    }),
  );
  assert.equal(log, [], 'what it gave before comes first');
  flights[0]!.report('A').done();
  assert.equal(log, ['A', '#', oops]);
});

test('the default of maxBuffered: bounded, a thousand for each worker or four chunks', () => {
  const { flights, push, dispatcher } = dispatcherOf({ maxInputs: 100, concurrency: 2 });
  for (let i = 0; i < 10_000; i++) push(i);
  for (let i = 1; i < flights.length; i++) flights[i]!.report(...flights[i]!.inputs).done();
  const out = Math.max(...flights.map(({ chunk }) => chunk.first + chunk.inputs.length));
  assert.is(out, 2 * 1024 + 1);
  dispatcher.stop();
  const large = dispatcherOf({ maxInputs: 1000, concurrency: 2 });
  for (let i = 0; i < 20_000; i++) large.push(i);
  const { flights: chunks } = large;
  for (let i = 1; i < chunks.length; i++) chunks[i]!.report(...chunks[i]!.inputs).done();
  const furthest = Math.max(...chunks.map(({ chunk }) => chunk.first + chunk.inputs.length));
  assert.is(furthest, 2 * 4 * 1000 + 1);
  large.dispatcher.stop();
});

/** What becomes of an input: a row after some failures, or a worker's end each time it runs. */
type Fate = number | 'kills' | 'late' | 'cannot cross';

const fates: fc.Arbitrary<Fate[]> = fc.array(
  fc.oneof(
    { arbitrary: fc.constant(0), weight: 12 },
    { arbitrary: fc.integer({ min: 1, max: 3 }), weight: 3 },
    { arbitrary: fc.constantFrom('kills' as const, 'late' as const, 'cannot cross' as const), weight: 2 },
  ),
  { maxLength: 60 },
);

/** The whole dispatcher in a few lines: what each input settles as. */
function settledAs(fate: Fate, index: number, { count: retries }: { count: number }): unknown {
  const failed = { index, input: index };
  if (fate === 'kills') return new WorkerCrashError(failed, { exitCode: 1, reason: 'killed' });
  if (fate === 'late') return new TaskTimeoutError(failed, 5);
  if (fate === 'cannot cross') return new NotTransferableError(failed, 'result', '', 'a function');
  return fate <= retries ? `row ${index}` : new TaskError(failed, `failure ${retries + 1}`);
}

/**
 * An executor that does at random whatever an executor may: answers at once or later, reports in pieces, hands inputs
 * back, loses workers that no input is to blame for. It asserts that it is given what it should be.
 */
function wildExecutor(fates: readonly Fate[], seed: number, clock: SchedulerLike, prefetch: boolean) {
  const random = randomOf(seed);
  /** Indices in the order of their rows. */
  const rows: number[] = [];
  const settled = new Set<number>();
  const running = new Set<number>();
  const tries = new Map<number, number>();
  const bystander = new Map<number, number>();
  const seen = { chunks: 0, most: 0, forgotten: 0, after: 0 };
  /** Chunks that have not ended. */
  const underWay = new Set<Chunk>();
  /** By the chunk that each waits for. */
  const waiting = new Map<Chunk, { chunk: Chunk; subscriber: Subscriber<Report>; begin(): void }>();
  const start = (chunk: Chunk, after?: Chunk) =>
    new Observable<Report>(subscriber => {
      const { first, inputs } = chunk;
      const { length } = inputs;
      assert.ok(length > 0);
      let next = first;
      const end = first + length;
      for (let index = first; index < end; index++) {
        assert.is(inputs[index - first], index);
        assert.not(settled.has(index), `${index} has settled`);
        assert.not(running.has(index), `${index} is running`);
        running.add(index);
      }
      underWay.add(chunk);
      let begun = false;
      subscriber.add(() => {
        if (begun) seen.chunks -= 1;
        underWay.delete(chunk);
        if (after && waiting.get(after)?.chunk === chunk) waiting.delete(after);
        for (let index = first; index < end; index++) running.delete(index);
      });
      const complete = () => {
        const follower = waiting.get(chunk);
        subscriber.complete();
        if (follower) clock.schedule(() => follower.begin());
      };
      const fail = (error: Error) => {
        const follower = waiting.get(chunk);
        subscriber.error(error);
        if (!follower) return;
        // By now another one may wait for the first that waited: it goes to another worker.
        const other = waiting.get(follower.chunk);
        follower.subscriber.error(new WorkerLostError({ exitCode: 1, reason: 'killed' }, true));
        if (other) clock.schedule(() => other.begin());
      };
      const report = (count: number) => {
        const good: unknown[] = [];
        const failures: Failure[] = [];
        for (let offset = 0; offset < count; offset++, next++) {
          const fate = fates[next];
          const nth = (tries.get(next) ?? 0) + 1;
          tries.set(next, nth);
          if (fate === 'cannot cross')
            failures.push({
              offset,
              cause: undefined,
              untransferable: { what: 'result', path: '', why: 'a function' },
            });
          else if ((fate as number) >= nth) failures.push({ offset, cause: `failure ${nth}` });
          else {
            good.push(`row ${next}`);
            rows.push(next);
            settled.add(next);
          }
          running.delete(next);
        }
        subscriber.next({ count, rows: packed(good), failures, elapsed: random(20) / 10 });
      };
      const deadly = (index: number) => fates[index] === 'kills' || fates[index] === 'late';
      const step = () => {
        const rest = end - next;
        if (rest === 0 || (next > first && random(8) === 0)) return complete();
        const unsettled = Array.from({ length: rest }, (_, i) => next + i);
        const suspect = (indices: number[]) => {
          for (const index of indices) bystander.set(index, (bystander.get(index) ?? 0) + 1);
        };
        if (fates[next] === 'kills') suspect(unsettled);
        if (deadly(next))
          return fail(
            fates[next] === 'late'
              ? new ChunkTimeoutError()
              : new WorkerLostError({ exitCode: 1, reason: 'killed' }),
          );
        if (random(12) === 0 && unsettled.every(index => (bystander.get(index) ?? 0) < 2)) {
          suspect(unsettled);
          return fail(new WorkerLostError({ exitCode: 2, reason: 'power cut' }));
        }
        let count = 1 + random(rest);
        for (let i = 0; i < count; i++) if (deadly(next + i)) count = i;
        report(count);
        later();
      };
      const later = () => {
        const delay = random(4);
        if (subscriber.closed) return;
        if (delay === 0) step();
        else subscriber.add(clock.schedule(step, delay));
      };
      const begin = () => {
        if (subscriber.closed) return;
        begun = true;
        if (after) waiting.delete(after);
        seen.chunks += 1;
        seen.most = Math.max(seen.most, seen.chunks);
        later();
      };
      if (!after) return begin();
      seen.after += 1;
      assert.ok(prefetch && underWay.has(after) && !waiting.has(after), 'after one that has not ended');
      waiting.set(after, { chunk, subscriber, begin });
    });
  const recall = (chunk: Chunk) => {
    // Or else its worker has begun it just now.
    for (const { chunk: other, subscriber } of waiting.values())
      if (other === chunk && random(3) > 0) subscriber.complete();
  };
  const executor: Executor = {
    parallelism: 3,
    chunkPolicy: { timeSlice: 8, maxInputs: 6 },
    run: chunk => start(chunk),
    ...(prefetch && { prefetching: { run: start, ...(random(2) === 0 && { recall }) } }),
    forget: () => {
      assert.is(underWay.size, 0, 'no chunk is under way any more');
      seen.forgotten += 1;
    },
    close: async () => undefined,
  };
  return { executor, rows, seen };
}

const sources: Record<string, (values: number[], clock: SchedulerLike) => Observable<number>> = {
  'at once': values => from(values),
  'by and by': (values, clock) =>
    interval(1, clock).pipe(
      map(i => values[i]!),
      take(values.length),
    ),
  pulled: values => sweep(values),
};

const runs = fc.record({
  fates,
  seed: fc.integer(),
  source: fc.constantFrom(...Object.keys(sources)),
  retry: fc.record({ count: fc.nat(2), delay: fc.nat(3) }),
  chunk: fc.constantFrom<number | 'auto'>('auto', 1, 3, 50),
  concurrency: fc.integer({ min: 1, max: 5 }),
  ordered: fc.boolean(),
  maxBuffered: fc.integer({ min: 1, max: 12 }),
  prefetch: fc.boolean(),
});

test('whatever an executor does: each input settles once, as it should, in order and within bounds', () => {
  let after = 0;
  fc.assert(
    fc.property(runs, ({ fates, seed, source, prefetch, ...options }) =>
      inVirtualTime(({ clock, flush }) => {
        const { executor, rows, seen } = wildExecutor(fates, seed, clock, prefetch);
        const expected = fates.map((fate, index) => settledAs(fate, index, options.retry));
        const log: { index: number; as: unknown }[] = [];
        let good = 0;
        let waiting = 0;
        let complete = 0;
        let progress: Partial<Progress> = {};
        sources[source]!([...fates.keys()], clock)
          .pipe(
            parallelMapSettled(task, {
              executor,
              taskTimeout: 5,
              progress: { next: value => (progress = value) },
              ...options,
            }),
          )
          .subscribe({
            next: row => {
              assert.is(row.input, row.index);
              log.push({ index: row.index, as: row.status === 'fulfilled' ? row.value : row.reason });
              // Those that wait when this one comes, which waited itself.
              waiting = Math.max(waiting, rows.length - good);
              if (row.status === 'fulfilled') good += 1;
            },
            complete: () => {
              complete += 1;
            },
          });
        flush();
        const byIndex = log.toSorted((a, b) => a.index - b.index);
        assert.equal(plain(byIndex.map(({ as }) => as)), plain(expected), 'each as it should');
        if (options.ordered) assert.equal(log, byIndex);
        else
          assert.equal(
            log.filter(({ as }) => typeof as === 'string').map(({ index }) => index),
            rows,
            'in the order of the reports',
          );
        assert.is(complete, 1);
        assert.is(seen.forgotten, 1);
        after += seen.after;
        assert.ok(seen.most <= options.concurrency);
        if (options.ordered) assert.ok(waiting <= options.maxBuffered + 1, `${waiting} rows waited`);
        const failed = expected.filter(as => as instanceof Error).length;
        const { total, completed, running } = progress;
        assert.equal(
          [total, completed, progress.failed, running],
          [fates.length, fates.length - failed, failed, 0],
        );
      }),
    ),
    { numRuns: propertyRuns(1500), includeErrorInReport: true },
  );
  assert.ok(after > propertyRuns(100), `${after} chunks were given ahead`);
});

test('whatever an executor does: failFast: false emits the good rows, then every failure by index', () => {
  fc.assert(
    fc.property(runs, ({ fates, seed, source, prefetch, ...options }) =>
      inVirtualTime(({ clock, flush }) => {
        const { executor, rows } = wildExecutor(fates, seed, clock, prefetch);
        const expected = fates.map((fate, index) => settledAs(fate, index, options.retry));
        const log: unknown[] = [];
        sources[source]!([...fates.keys()], clock)
          .pipe(parallelMap(task, { executor, taskTimeout: 5, failFast: false, ...options }))
          .subscribe({
            next: row => log.push(row),
            error: error => log.push('#', error),
            complete: () => log.push('|'),
          });
        flush();
        const good = options.ordered
          ? expected.filter(as => typeof as === 'string')
          : rows.map(i => `row ${i}`);
        const failures = expected.filter(as => as instanceof Error) as TaskError[];
        const end = failures.length > 0 ? ['#', new MapError(failures, fates.length)] : ['|'];
        assert.equal(plain(log), plain([...good, ...end]));
      }),
    ),
    { numRuns: propertyRuns(500), includeErrorInReport: true },
  );
});

test('whatever an executor does: the first failure ends the run, or as many rows as are taken', () => {
  fc.assert(
    fc.property(runs, fc.nat(40), ({ fates, seed, source, prefetch, ...options }, most) =>
      inVirtualTime(({ clock, flush }) => {
        const { executor, rows, seen } = wildExecutor(fates, seed, clock, prefetch);
        // RxJS's virtual time cannot have one timer cancel another that is due at the same moment.
        const retry = options.retry.count;
        const expected = fates.map((fate, index) => settledAs(fate, index, { count: retry }));
        const log: unknown[] = [];
        let end: unknown[] = [];
        sources[source]!([...fates.keys()], clock)
          .pipe(parallelMap(task, { executor, taskTimeout: 5, ...options, retry }), take(most))
          .subscribe({
            next: row => {
              assert.equal(end, []);
              log.push(row);
            },
            error: error => (end = ['#', error]),
            complete: () => (end = ['|']),
          });
        flush();
        const good = options.ordered
          ? expected.filter(as => typeof as === 'string')
          : rows.map(i => `row ${i}`);
        const failures = expected
          .filter(as => as instanceof Error)
          .map(failure => JSON.stringify(plain(failure)));
        assert.equal(log, good.slice(0, log.length));
        assert.is(seen.chunks, 0, 'no chunk is under way any more');
        const [kind, error] = end;
        if (kind === '#') assert.ok(failures.includes(JSON.stringify(plain(error))));
        else {
          assert.is(kind, '|');
          assert.is(log.length, failures.length > 0 ? most : Math.min(most, good.length));
        }
      }),
    ),
    { numRuns: propertyRuns(500), includeErrorInReport: true },
  );
});

test('inputs in the hundred thousands, settled at once: neither deep nor slow', () => {
  const start = performance.now();
  let sum = 0;
  from(Array.from({ length: 200_000 }, (_, i) => i))
    .pipe(parallelMap((x: number) => x, { executor: inline() }))
    .subscribe(x => {
      sum += x;
    });
  assert.is(sum, (200_000 * 199_999) / 2);
  assert.ok(performance.now() - start < 5000);
});

test('an executor that reports more than a chunk has, or nothing at all, ends the run with an error', () => {
  const outcome = (report?: Report) => {
    let failure: unknown;
    const executor: Executor = {
      parallelism: 1,
      chunkPolicy: { timeSlice: 8, maxInputs: 1 },
      run: () => from(report ? [report] : []),
      close: async () => undefined,
    };
    from(['a', 'b', 'c'])
      .pipe(parallelMap(task, { executor }))
      .subscribe({
        error: error => {
          failure = error;
        },
      });
    return String(failure);
  };
  assert.match(
    outcome({ count: 2, rows: packed(['A', 'B']), failures: [], elapsed: 1 }),
    /reported 2 inputs of a chunk that has 1 left/,
  );
  assert.match(outcome(), /1000 chunks in a row without reporting/);
});

test('six hundred inputs in a row that end their workers have failed, each by itself, and no other error comes', () => {
  const { flights, push, blocks, dispatcher } = dispatcherOf({
    maxInputs: 1,
    concurrency: 1,
    failFast: false,
  });
  for (let i = 0; i < 600; i++) push(i);
  dispatcher.end();
  for (let i = 0; i < flights.length; i++) flights[i]!.lost();
  assert.is(flights.length, 3 * 600);
  assert.equal(
    blocks.map(({ failures }) => failures[0]?.index),
    Array.from({ length: 600 }, (_, i) => i),
  );
});

test('a clean-up of an executor that throws keeps no run from its rows', async () => {
  for (const end of ['complete', 'error'] as const) {
    const unhandled: unknown[] = [];
    config.onUnhandledError = error => unhandled.push(error);
    const log: unknown[] = [];
    let tries = 0;
    const executor: Executor = {
      parallelism: 1,
      run: ({ inputs }) =>
        new Observable(subscriber => {
          subscriber.add(() => {
            throw oops;
          });
          tries += 1;
          if (end === 'error' && tries === 1)
            return subscriber.error(new WorkerLostError({ exitCode: 1, reason: 'died' }));
          subscriber.next({
            count: inputs.length,
            rows: packed(Array.from(inputs)),
            failures: [],
            elapsed: 0,
          });
          subscriber.complete();
        }),
      close: async () => undefined,
    };
    from([1, 2])
      .pipe(parallelMap((x: number) => x, { executor }))
      .subscribe({ next: row => log.push(row), complete: () => log.push('|') });
    await sleep(5);
    config.onUnhandledError = null;
    assert.equal(log, [1, 2, '|'], end);
    assert.ok(unhandled.length > 0, 'it is reported');
  }
});

test('an executor whose changes fail ends the run with that error', () => {
  const changes = new Subject<void>();
  const { push, log, flights } = dispatcherOf({}, changes);
  push('a');
  changes.error(oops);
  assert.equal(log, ['#', oops]);
  assert.equal(flying(flights), []);
});

test('a report whose column is shorter than its rows ends the run: no row is made up', () => {
  const { push, log, flights } = dispatcherOf({ concurrency: 1 });
  push('a');
  flights[0]!.reportBatch(1, { length: 1, shape: { kind: 'row' }, columns: [[]] }, []);
  assert.match((log[1] as Error).message, 'the executor reported a column of 0 values for 1 rows');
});

test('a polluted Object.prototype changes no row and blames no input', () => {
  const polluted = {
    own: true,
    tag: {},
    history: { crashes: 2, attempts: 9 },
    forget: 1,
    changes: 1,
    poll: 1,
    prefetching: {},
    chunkPolicy: 3,
    failFast: true,
    expired: true,
    untransferable: { what: 'input', path: '', why: '' },
  };
  const root = Object.prototype as Record<string, unknown>;
  const rows: unknown[] = [];
  try {
    Object.assign(root, polluted);
    const tries = new Map<number, number>();
    range(0, 20_000)
      .pipe(
        parallelMapSettled(
          x => {
            const nth = (tries.get(x) ?? 0) + 1;
            tries.set(x, nth);
            if (x === 7 || (x === 5 && nth === 1)) throw oops;
            return x;
          },
          { executor: inline(), retry: 1 },
        ),
      )
      .subscribe({ next: row => rows.push(row), error: error => rows.push(error) });
  } finally {
    for (const name of Object.keys(polluted)) delete root[name];
  }
  assert.is(rows.length, 20_000);
  const wrong = (rows as SettledRow<number, number>[]).filter(row =>
    row.index === 7
      ? row.status === 'fulfilled' || row.reason.constructor !== TaskError
      : row.status === 'rejected' || row.value !== row.index,
  );
  assert.equal(wrong, []);
});

test.run();
