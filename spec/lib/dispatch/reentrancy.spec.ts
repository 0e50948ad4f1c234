import fc from 'fast-check';
import { finalize, Subject, type Subscription, UnsubscriptionError } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Executor, ExecutorClosedError } from '../../../lib/executor.js';
import { inline } from '../../../lib/executors/inline.js';
import { threads } from '../../../lib/executors/threads.js';
import { sweep } from '../../../lib/sources/sweep.js';
import { parallelMapSettled } from '../../../operators/parallelMapSettled.js';
import { timed } from '../../support/deadline.js';
import { propertyRuns } from '../../support/propertyRuns.js';

const reentrancy = suite('code of the user inside the engine');
const it = timed(reentrancy);

/** What a callback of the user does besides. */
const deeds = [
  'push',
  'push many',
  'poll',
  'subscribe',
  'unsubscribe',
  'throw',
  'nothing',
  'nothing',
  'close',
] as const;
type Deed = (typeof deeds)[number];
const harmless = deeds.filter(deed => deed !== 'close');

const programsOf = (among: readonly Deed[]) =>
  fc.record({
    /** In the order in which callbacks run, whoever's they are. */
    deeds: fc.array(fc.constantFrom(...among), { maxLength: 60 }),
    count: fc.integer({ min: 1, max: 40 }),
    chunk: fc.constantFrom('auto' as const, 1, 7),
    concurrency: fc.constantFrom(1, 2, 3),
    ordered: fc.boolean(),
    retry: fc.constantFrom(0, 1, { count: 1, delay: 2 }),
    onInline: fc.boolean(),
  });

const task = (x: number) => {
  if (x % 11 === 10) throw new RangeError(`no ${x}`);
  return x * 2;
};

/** Runs random programs, each on an executor of its own where one may close it. */
async function check(among: readonly Deed[], numRuns: number): Promise<void> {
  const closes = among.includes('close');
  // What the engine looks over its state by, wherever code of the user runs.
  const key = Symbol.for('rx-parfor.audit');
  const audits = new Set<() => string[]>();
  (globalThis as Record<symbol, unknown>)[key] = audits;
  const unhandled: unknown[] = [];
  const hear = (error: unknown) => {
    const errors = error instanceof UnsubscriptionError ? error.errors : [error];
    for (const one of errors) if (one?.message !== 'of an observer') unhandled.push(one);
  };
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', hear);
  const shared = threads({ maxThreads: 2 });
  try {
    await fc.assert(
      fc.asyncProperty(programsOf(among), async ({ deeds: script, count, onInline, ...options }) => {
        const executor: Executor = onInline
          ? inline({ concurrency: 2 })
          : closes
            ? threads({ maxThreads: 2 })
            : shared;
        let closed = false;
        const left = [...script];
        const wrong: string[] = [];
        const ends: Promise<void>[] = [];
        let runs = 0;
        const begin = (pulled: boolean): void => {
          if (runs >= 5) return;
          runs += 1;
          const source = new Subject<number>();
          let pushed = 0;
          let subscription: Subscription | undefined;
          const push = (many: number) => {
            // Progress is told before the source is subscribed to.
            for (let i = 0; i < many && source.observed; i++) source.next(pushed++);
          };
          const act = () => {
            for (const audit of audits) wrong.push(...audit());
            const deed: Deed = left.pop() ?? 'nothing';
            if (deed === 'push') push(1);
            else if (deed === 'push many') push(30);
            else if (deed === 'poll') executor.poll?.();
            else if (deed === 'subscribe') begin(!pulled);
            else if (deed === 'unsubscribe') subscription?.unsubscribe();
            else if (deed === 'close') {
              // Its runs hear of it within the call.
              closed = true;
              executor.close();
            } else if (deed === 'throw') throw new Error('of an observer');
          };
          const guarded = () => {
            try {
              act();
            } catch {
              // An iterator that throws ends its run; here it is to go on.
            }
          };
          function* inputs() {
            for (let i = 0; i < count; i++) {
              guarded();
              yield i;
            }
          }
          ends.push(
            new Promise(resolve => {
              const seen = new Set<number>();
              let last = -1;
              subscription = (pulled ? sweep(inputs()) : source)
                .pipe(
                  parallelMapSettled(task, {
                    ...options,
                    executor,
                    progress: { next: act, error: act, complete: act },
                  }),
                  finalize(act),
                )
                .subscribe({
                  next: row => {
                    if (seen.has(row.index)) wrong.push(`${row.index} twice`);
                    seen.add(row.index);
                    if (options.ordered && row.index !== last + 1) wrong.push(`${row.index} after ${last}`);
                    last = row.index;
                    if (row.input !== row.index) wrong.push(`input ${row.input} at ${row.index}`);
                    if (row.input % 11 === 10) {
                      if (row.status === 'fulfilled') wrong.push(`${row.input} did not fail`);
                    } else if (row.status === 'rejected' || row.value !== 2 * row.input)
                      wrong.push(`a wrong row of ${row.input}`);
                    act();
                  },
                  error: error => {
                    if (!closed || !(error instanceof ExecutorClosedError)) wrong.push(String(error));
                    resolve();
                    act();
                  },
                  complete: () => {
                    const all = pulled ? count : pushed;
                    if (seen.size !== all) wrong.push(`${seen.size} of ${all} rows`);
                    resolve();
                    act();
                  },
                });
              subscription.add(resolve);
              if (pulled) return;
              push(count);
              // Some may still be pushed from within callbacks; then it is over.
              setTimeout(() => source.complete(), 15);
            }),
          );
        };
        begin(true);
        begin(false);
        while (ends.length > 0) await ends.pop();
        if (closes) await executor.close();
        if (wrong.length > 0) throw new Error(wrong.slice(0, 5).join('; '));
        assert.is(audits.size, 0, 'runs that are over are forgotten');
      }),
      { numRuns, timeout: 10_000, endOnFailure: true, includeErrorInReport: true },
    );
    assert.equal(unhandled, []);
  } finally {
    delete (globalThis as Record<symbol, unknown>)[key];
    await new Promise(resolve => setTimeout(resolve, 20));
    process.off('uncaughtException', hear);
    for (const other of others) process.on('uncaughtException', other);
    await shared.close();
  }
}

it(
  'code of the user that pushes, subscribes, unsubscribes, polls and throws gets each row once, under its own index',
  () => check(harmless, propertyRuns(120)),
  60,
);

it(
  'code of the user that closes the executor besides gets no wrong row and no other error',
  () => check(deeds, propertyRuns(40)),
  60,
);

reentrancy.run();
