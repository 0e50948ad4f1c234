import { from, type OperatorFunction, of, range, Subject, type Subscription, tap } from 'rxjs';
import { suite } from 'uvu';
import type { Executor } from '../../lib/executor.js';
import type { ProgressObserver } from '../../lib/progress/progressMeter.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { parfor } from '../../operators/parfor.js';
import { raise, reject } from '../fixtures/faults.js';
import { pause, square } from '../fixtures/tasks.js';
import { timed, until } from '../support/deadline.js';
import { SeenStores, store } from '../support/seenStores.js';
import type { Subject as Contracted } from './subject.js';

/** The options that all runs here have. */
interface Given {
  readonly executor: Executor;
  readonly progress: ProgressObserver;
}

/** A run calls the user in the async context of its subscription, whoever has started the workers. */
export function contexts({ name, make }: Contracted): void {
  const contexts = suite(`${name}: async contexts`);
  const it = timed(contexts);

  /** An executor whose workers and connections were made in the context of somebody else. */
  async function madeElsewhere(workers = 2): Promise<Executor & AsyncDisposable> {
    const executor = store.run('maker', () => make({ workers }));
    await store.run('first', () =>
      new SeenStores().subscribe(range(0, 4).pipe(parallelMap(square, { executor }))),
    );
    return executor;
  }

  it('rows, the end and progress of a run see the store of its own subscription', async () => {
    await using executor = await madeElsewhere();
    for (const id of ['A', 'B', undefined]) {
      for (const operator of [parallelMap, parallelMapSettled, parfor]) {
        const seen = new SeenStores();
        const options = { executor, progress: seen.progress };
        const run = range(0, 20).pipe(operator(square, options) as OperatorFunction<number, unknown>);
        await (id === undefined
          ? store.exit(() => seen.subscribe(run))
          : store.run(id, () => seen.subscribe(run)));
        seen.only(id, 'tap', 'next', 'complete', 'finalize', 'progress', 'progress complete');
      }
    }
  });

  it('runs side by side each see the store of their own subscription', async () => {
    await using executor = await madeElsewhere();
    const runs = ['A', 'B', 'C'].map(async id => {
      const seen = new SeenStores();
      const waits = from([20, 0, 10, 0, 5, 1]);
      const options = { executor, progress: seen.progress, chunk: 1, ordered: id !== 'B' };
      await store.run(id, () => seen.subscribe(waits.pipe(parallelMap(pause, options))));
      seen.only(id, 'next', 'complete', 'progress');
    });
    await Promise.all(runs);
  });

  it('errors of a run see the store of its own subscription, after retries with a delay and at a time limit', async () => {
    await using executor = await madeElsewhere();
    for (const id of ['A', 'B'])
      for (const run of [
        (given: Given) => of('error').pipe(parallelMap(raise, given)),
        (given: Given) => of('error').pipe(parallelMap(reject, { ...given, failFast: false })),
        (given: Given) => of('error').pipe(parallelMap(raise, { ...given, retry: { count: 2, delay: 5 } })),
        (given: Given) => of(10_000).pipe(parallelMap(pause, { ...given, timeout: 30 })),
        (given: Given) => of(10_000).pipe(parallelMap(pause, { ...given, taskTimeout: 30 })),
      ]) {
        const seen = new SeenStores();
        await store.run(id, () => seen.subscribe(run({ executor, progress: seen.progress })));
        seen.only(id, 'tap error', 'error', 'finalize', 'progress error');
      }
  });

  it('a run that is retried sees the store of its own subscription', async () => {
    await using executor = await madeElsewhere(1);
    const seen = new SeenStores();
    const slow = store.run('slow', () =>
      new SeenStores().subscribe(of(50).pipe(parallelMap(pause, { executor }))),
    );
    const inputs = sweep(['error', 'error', 'error']);
    const options = { executor, retry: { count: 1, delay: 1 }, progress: seen.progress };
    await store.run('A', () => seen.subscribe(inputs.pipe(parallelMapSettled(raise, options))));
    await slow;
    seen.only('A', 'next', 'complete', 'progress');
  });

  it('inputs that are pushed in another context give rows in that of the subscription', async () => {
    await using executor = await madeElsewhere();
    const seen = new SeenStores();
    const inputs = new Subject<number>();
    const run = inputs.pipe(parallelMap(square, { executor, progress: seen.progress }));
    const over = store.run('A', () => seen.subscribe(run));
    for (let x = 0; x < 20; x++) store.run('B', () => inputs.next(x));
    store.run('C', () => inputs.complete());
    await over;
    seen.only('A', 'next', 'complete', 'finalize', 'progress');

    const failed = new SeenStores();
    const source = new Subject<number>();
    const end = store.run('A', () => failed.subscribe(source.pipe(parallelMap(square, { executor }))));
    store.run('B', () => source.error(new Error('no more')));
    await end;
    failed.only('A', 'error', 'finalize');
  });

  it('a run that another one begins sees the store in which it was begun, and the other one its own', async () => {
    await using executor = await madeElsewhere(1);
    const [outer, inner] = [new SeenStores(), new SeenStores()];
    const within: Promise<void>[] = [];
    const run = sweep([0, 1, 2, 3]).pipe(
      parallelMap(square, { executor, progress: outer.progress }),
      tap(row => {
        const beside = range(row, 3).pipe(parallelMap(square, { executor, progress: inner.progress }));
        store.run('B', () => within.push(inner.subscribe(beside)));
      }),
    );
    await store.run('A', () => outer.subscribe(run));
    await Promise.all(within);
    outer.only('A', 'next', 'complete', 'progress', 'progress complete');
    inner.only('B', 'next', 'complete', 'progress', 'progress complete');
  });

  it('an iterator is read and closed in the context of the subscription', async () => {
    await using executor = await madeElsewhere(1);
    const numbers = function* (seen: SeenStores) {
      try {
        for (let x = 0; ; x++) {
          seen.note('read');
          yield x;
        }
      } finally {
        seen.note('closed');
      }
    };
    const later = async function* (seen: SeenStores) {
      try {
        for (let x = 0; ; x++) {
          seen.note('read');
          yield await Promise.resolve(x);
        }
      } finally {
        seen.note('closed');
      }
    };
    for (const read of [numbers, later]) {
      const [seen, seenBeside] = [new SeenStores(), new SeenStores()];
      const begin = (inputs: SeenStores, rows: { count: number }): Subscription =>
        sweep(read(inputs))
          .pipe(parallelMap(pause, { executor, progress: inputs.progress }))
          .subscribe(() => {
            rows.count += 1;
            inputs.note('next');
          });
      const [rows, rowsBeside] = [{ count: 0 }, { count: 0 }];
      const run = store.run('A', () => begin(seen, rows));
      const beside = store.run('B', () => begin(seenBeside, rowsBeside));
      await until(() => rows.count > 3 && rowsBeside.count > 3);
      store.run('C', () => run.unsubscribe());
      store.run('C', () => beside.unsubscribe());
      await until(() => [seen, seenBeside].every(({ calls }) => calls.some(call => /closed/.test(call))));
      seen.only('A', 'next', 'read', 'closed', 'progress', 'progress finalize');
      seenBeside.only('B', 'next', 'read', 'closed', 'progress', 'progress finalize');
    }
  });

  it('an executor that is closed in another context ends its runs in their own', async () => {
    const executor = await madeElsewhere();
    const seen = new SeenStores();
    const run = of(10_000).pipe(parallelMap(pause, { executor, progress: seen.progress }));
    const over = store.run('A', () => seen.subscribe(run));
    await store.run('B', () => executor.close());
    await over;
    seen.only('A', 'error', 'finalize', 'progress error');
  });

  contexts.run();
}
