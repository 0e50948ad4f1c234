// Direct calls: what runs, in which order, and what subscribers see is the same as with chunks of one input.
import fc from 'fast-check';
import {
  from,
  type Observable,
  type OperatorFunction,
  range,
  Subject,
  Subscriber,
  type Subscription,
  take,
  throwError,
} from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { TaskError } from '../../../lib/errors.js';
import { type DirectCall, type Executor, ExecutorClosedError, type Run } from '../../../lib/executor.js';
import { inline } from '../../../lib/executors/inline.js';
import type { MapOptions } from '../../../lib/options/mapOptions.js';
import type { Progress } from '../../../lib/progress/progressMeter.js';
import { sweep } from '../../../lib/sources/sweep.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { parallelMapSettled } from '../../../operators/parallelMapSettled.js';
import { parfor } from '../../../operators/parfor.js';
import { propertyRuns } from '../../support/propertyRuns.js';

/** The same executor, which is given nothing but chunks. */
const inChunks = (executor: Executor): Executor => ({
  parallelism: executor.parallelism,
  chunkPolicy: executor.chunkPolicy,
  run: chunk => executor.run(chunk),
  close: () => executor.close(),
});

/** The same executor, and the chunks that it was given. */
const counted = (executor: Executor): Executor & { readonly chunks: number[] } => {
  const chunks: number[] = [];
  return {
    ...inChunks(executor),
    chunks,
    direct: run => executor.direct?.(run) as DirectCall,
    run: chunk => {
      chunks.push(chunk.first);
      return executor.run(chunk);
    },
  };
};

/** What a task does with its input. */
const works = [
  'row',
  'throw',
  'throw once',
  'promise',
  'reject',
  'thenable',
  'then that throws',
  'push',
  'unsubscribe',
  'complete',
  'source error',
  'run',
  'run on the same',
  'close',
] as const;

/** What a subscriber does besides. */
const deeds = [
  'nothing',
  'push',
  'unsubscribe',
  'throw',
  'run',
  'run on the same',
  'complete',
  'close',
] as const;

const programs = fc.record({
  operator: fc.constantFrom('parallelMap', 'parallelMap', 'parallelMapSettled', 'parfor'),
  works: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('row' as const) },
      { weight: 5, arbitrary: fc.constantFrom(...works) },
    ),
    { maxLength: 12 },
  ),
  deeds: fc.array(fc.constantFrom('nothing', 'nothing', 'nothing', ...deeds), { maxLength: 16 }),
  source: fc.constantFrom('synchronous', 'subject', 'sweep', 'async sweep'),
  taken: fc.option(fc.nat(6), { nil: Infinity }),
  concurrency: fc.constantFrom(1, 2, 3),
  progress: fc.boolean(),
  options: fc.record(
    {
      ordered: fc.boolean(),
      retry: fc.constantFrom(0, 1, 2),
      chunk: fc.constantFrom('auto' as const, 1, 3),
      concurrency: fc.constantFrom(1, 2),
      maxBuffered: fc.constantFrom(1, 2, 100),
    },
    { requiredKeys: [] },
  ),
});
type Program = typeof programs extends fc.Arbitrary<infer P> ? P : never;

/** Runs a program on an executor and returns all that happened, in its order. */
async function logOf(program: Program, executor: Executor): Promise<string[]> {
  const log: string[] = [];
  const say = (...words: unknown[]) =>
    log.push(words.map(word => JSON.stringify(word) ?? `${word}`).join(' '));
  const subject = new Subject<number>();
  const left = [...program.deeds];
  const tries = new Map<number, number>();
  let last: unknown;
  let pushed = 0;
  let runs = 0;
  const subscriber = { current: undefined as Subscription | undefined };
  const push = () => {
    if (pushed < program.works.length + 4) subject.next(pushed++);
  };
  const run = (on: Executor) => {
    if (++runs > 4) return;
    const name = `run ${runs}`;
    range(100, 2)
      .pipe(parallelMap(x => x * 10, { executor: on }))
      .subscribe({
        next: row => say(name, row),
        error: e => say(name, e.name),
        complete: () => say(name, '|'),
      });
    say(name, 'subscribed');
  };
  const task = (x: number): unknown => {
    const n = (tries.get(x) ?? 0) + 1;
    tries.set(x, n);
    say('task', x, n);
    const work = program.works[x];
    if (work === 'throw' || (work === 'throw once' && n === 1)) throw new RangeError(`no ${x}`);
    if (work === 'promise') return Promise.resolve(x + 0.5);
    if (work === 'reject') return Promise.reject(new RangeError(`no ${x}, later`));
    // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
    if (work === 'thenable') return { then: (resolve: (row: string) => void) => resolve(`then ${x}`) };
    if (work === 'then that throws')
      return {
        // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
        get then() {
          throw new RangeError(`no then of ${x}`);
        },
      };
    act(work ?? 'row');
    say('task over', x);
    return x * 2;
  };
  const act = (deed: (typeof deeds)[number] | (typeof works)[number]) => {
    if (deed === 'push') push();
    else if (deed === 'unsubscribe') subscriber.current?.unsubscribe();
    else if (deed === 'complete') subject.complete();
    else if (deed === 'source error') subject.error(new Error('of the source'));
    else if (deed === 'run') run(inline());
    else if (deed === 'run on the same') run(executor);
    else if (deed === 'close') executor.close();
    else if (deed === 'throw') throw new Error('of an observer');
  };
  const next = () => {
    const deed = left.pop() ?? 'nothing';
    if (deed !== 'nothing') say(deed);
    act(deed);
  };
  function* values() {
    try {
      for (let i = 0; i < program.works.length; i++) {
        say('read', i);
        yield i;
      }
    } finally {
      say('iterator closed');
    }
  }
  async function* later() {
    yield* values();
  }
  const sources: Record<Program['source'], () => Observable<number>> = {
    synchronous: () => from(values()),
    subject: () => subject,
    sweep: () => sweep(values()),
    'async sweep': () => sweep(later()),
  };
  const heard = (progress: Progress) => {
    const { completed, failed, running, total } = progress;
    last = [completed, failed, running, total];
  };
  const options: MapOptions<[], never> = {
    ...program.options,
    executor,
    // The last one only: what is told before depends on the clock.
    ...(program.progress && {
      progress: { next: heard, error: () => say('progress', last), complete: () => say('progress', last) },
    }),
  };
  const operators = { parallelMap, parallelMapSettled, parfor };
  const operator = operators[program.operator] as unknown as (
    task: unknown,
    options: unknown,
  ) => OperatorFunction<number, unknown>;
  await new Promise<void>(resolve => {
    const end = () => setTimeout(resolve, 6);
    const rows = new Subscriber<unknown>({
      next: row => {
        say('row', row);
        next();
      },
      error: (error: TaskError) => {
        say('error', `${error.name}: ${error.message}`, error.index);
        next();
      },
      complete: () => {
        say('|');
        next();
      },
    });
    subscriber.current = rows;
    rows.add(() => {
      say('closed');
      end();
    });
    sources[program.source]().pipe(operator(task, options), take(program.taken)).subscribe(rows);
    if (program.source !== 'subject') return;
    for (let i = 0; i < program.works.length; i++) push();
    setTimeout(() => subject.complete(), 3);
  });
  return log;
}

test('a run whose inputs are called directly does what it does in chunks, whatever code of the user does meanwhile', async () => {
  const reported: unknown[] = [];
  const hear = (error: Error) => {
    if (error.message !== 'of an observer') reported.push(error);
  };
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', hear);
  try {
    await fc.assert(
      fc.asyncProperty(programs, async program => {
        const { concurrency } = program;
        const [direct, chunks] = await Promise.all([
          logOf(program, inline({ concurrency })),
          logOf(program, inChunks(inline({ concurrency }))),
        ]);
        assert.equal(direct, chunks);
      }),
      { numRuns: propertyRuns(300), endOnFailure: false },
    );
    assert.equal(reported, []);
  } finally {
    process.off('uncaughtException', hear);
    for (const other of others) process.on('uncaughtException', other);
  }
});

test('synchronous tasks on inline need no chunk, pushed or pulled', () => {
  for (const source of [range(0, 5), sweep([0, 1, 2, 3, 4])]) {
    const executor = counted(inline());
    const rows: number[] = [];
    source.pipe(parallelMap((x: number) => x * 2, { executor })).subscribe(row => rows.push(row));
    assert.equal(rows, [0, 2, 4, 6, 8]);
    assert.equal(executor.chunks, []);
  }
});

test('an async task is called directly once, and is a chunk from there on', async () => {
  const executor = counted(inline());
  const calls: number[] = [];
  const rows: number[] = [];
  const task = async (x: number) => {
    calls.push(x);
    return x * 2;
  };
  await range(0, 4)
    .pipe(parallelMap(task, { executor }))
    .forEach(row => {
      rows.push(row);
    });
  assert.equal(rows, [0, 2, 4, 6]);
  assert.equal(calls, [0, 1, 2, 3]);
});

test('inputs that are to be tried again, and chunks of a size that was asked for, are not called directly', () => {
  const executor = counted(inline());
  let calls = 0;
  range(0, 2)
    .pipe(
      parallelMap(
        (x: number) => {
          if (calls++ === 0) throw new Error('once');
          return x;
        },
        { executor, retry: 1 },
      ),
    )
    .subscribe();
  assert.equal(executor.chunks, [0]);
  range(0, 4)
    .pipe(parallelMap((x: number) => x, { executor, chunk: 2 }))
    .subscribe();
  assert.is(executor.chunks.length, 5);
});

/** An executor that calls tasks as it is told to. */
const calling = (direct: (run: Run) => DirectCall): Executor => ({
  ...inChunks(inline()),
  direct,
});

test('an input that has to wait for its executor goes in a chunk', () => {
  const rows: number[] = [];
  range(0, 3)
    .pipe(parallelMap((x: number) => x + 1, { executor: calling(() => () => false) }))
    .subscribe(row => rows.push(row));
  assert.equal(rows, [1, 2, 3]);
});

test('an executor that is closed while it calls ends the run, and what it says then does not count', () => {
  const closed = new ExecutorClosedError();
  const executor = calling(() => (_, listener) => {
    listener.failed(closed);
    listener.returned('too late');
    listener.goesOn(throwError(() => new Error('too late')));
    return true;
  });
  const log: unknown[] = [];
  range(0, 3)
    .pipe(parallelMap((x: number) => x, { executor }))
    .subscribe({ next: row => log.push(row), error: error => log.push(error) });
  assert.equal(log, [closed]);
});

test('an executor whose direct call throws ends the run with that', () => {
  const oops = new Error('oops');
  const executor = calling(() => () => {
    throw oops;
  });
  for (const source of [range(0, 3), sweep([0, 1])]) {
    let error: unknown;
    source.pipe(parallelMap((x: number) => x, { executor })).subscribe({ error: e => (error = e) });
    assert.is(error, oops);
  }
});

test('a rejection of a task that has ended its own run is handled', async () => {
  const unhandled: unknown[] = [];
  const hear = (error: unknown) => unhandled.push(error);
  process.on('unhandledRejection', hear);
  const ends: ((executor: Executor, subscription: Subscription) => unknown)[] = [
    (_, subscription) => subscription.unsubscribe(),
    executor => executor.close(),
  ];
  for (const end of ends) {
    const executor = inline();
    const rows = new Subscriber<unknown>({
      next: () => undefined,
      error: () => undefined,
      complete: () => undefined,
    });
    const task = () => {
      end(executor, rows);
      return Promise.reject(new Error('late'));
    };
    range(0, 1).pipe(parallelMap(task, { executor })).subscribe(rows);
    assert.ok(rows.closed);
  }
  await new Promise(resolve => setTimeout(resolve, 5));
  process.off('unhandledRejection', hear);
  assert.equal(unhandled, []);
});

test('a run counts the input of a direct call as running', () => {
  const running: number[] = [];
  const source = new Subject<number>();
  source
    .pipe(
      parallelMap(
        (x: number) => {
          source.error(new Error('of the source'));
          return x;
        },
        { executor: inline(), progress: { next: progress => running.push(progress.running) } },
      ),
    )
    .subscribe({ error: () => undefined });
  source.next(0);
  assert.equal(running, [0, 1]);
});

test.run();
