import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { from, lastValueFrom, of, range, reduce, timeout } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Executor } from '../../lib/executor.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { raise } from '../fixtures/faults.js';
import { stored } from '../fixtures/stored.js';
import { pause, square } from '../fixtures/tasks.js';
import { timed, until } from '../support/deadline.js';
import { SeenStores, store } from '../support/seenStores.js';
import { rowsOf, type Subject } from './subject.js';

/** What a run leaves with an executor has nothing of its async context, and no other run's tasks or values are in it. */
export function contextsOfWorkers({ name, make, crosses }: Subject): void {
  const contexts = suite(`${name}: async contexts of workers`);
  const it = timed(contexts);

  /** Runs in a context whose store is held by nobody else, and returns a weak hold on it. */
  async function storeOf(run: () => Promise<unknown>): Promise<WeakRef<object>> {
    const held = { toString: () => 'a store' };
    await store.run(held as never, run);
    return new WeakRef(held);
  }

  it('an executor that runs have used holds none of their stores, as long as it is open', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const runs: readonly ((executor: Executor) => Promise<unknown>)[] = [
      executor =>
        lastValueFrom(range(0, 20).pipe(parallelMap(square, { executor, progress: () => undefined }))),
      executor => lastValueFrom(of('error').pipe(parallelMap(raise, { executor, retry: 1 }))).catch(() => 0),
      executor =>
        lastValueFrom(of(1_000).pipe(parallelMap(pause, { executor, taskTimeout: 20 }))).catch(() => 0),
      executor =>
        lastValueFrom(from([0, 1_000]).pipe(parallelMap(pause, { executor }), timeout(200))).catch(() => 0),
    ];
    for (const run of runs) {
      await using executor = make({ workers: 2, idleTimeout: 60_000 });
      const left = await storeOf(() => run(executor));
      await until(() => {
        collect();
        return left.deref() === undefined;
      }, 10);
      assert.equal(await rowsOf(of(2).pipe(parallelMap(square, { executor }))), [4]);
    }
  }, 60);

  if (crosses)
    it('instances of registered classes are made in the context of the run that they are rows of', async () => {
      await using executor = make({ workers: 1 });
      const storesOf = (id: string) =>
        store.run(id, () => rowsOf(range(0, 3).pipe(parallelMap(stored, { executor }))));
      for (const rows of await Promise.all(['A', 'B', 'A'].map(storesOf)))
        assert.is(new Set(rows.map(row => row.store)).size, 1);
      assert.equal(
        (await storesOf('C')).map(row => row.store),
        ['C', 'C', 'C'],
      );
    });
  else {
    it('tasks in this thread see the store of their own run, also where they had to wait for another one', async () => {
      await using executor = make({ workers: 1 });
      const stores = async (ms: number) => {
        const before = store.getStore();
        await pause(ms);
        return `${before} ${store.getStore()}`;
      };
      const run = (id: string) =>
        store.run(id, () => rowsOf(from([2, 1, 0]).pipe(parallelMap(stores, { executor }))));
      for (const id of ['A', 'B', 'C']) assert.equal(await run(id), Array(3).fill(`${id} ${id}`));
      const besides = await Promise.all(['A', 'B', 'C'].map(run));
      assert.equal(
        besides,
        ['A', 'B', 'C'].map(id => Array(3).fill(`${id} ${id}`)),
      );
    });

    it('a task that closes its executor in another context ends its run in its own', async () => {
      const executor = make({ workers: 1 });
      const seen = new SeenStores();
      const close = (_x: number) => store.run('B', () => void executor.close());
      const run = range(0, 2).pipe(parallelMap(close, { executor, progress: seen.progress }));
      await store.run('A', () => seen.subscribe(run));
      seen.only('A', 'error', 'finalize', 'progress error');
    });

    it('tasks see the store of their own run where another context has answered the thenable before', async () => {
      await using executor = make({ workers: 1 });
      const answers: ((row: unknown) => void)[] = [];
      const seen: unknown[] = [];
      const task = (_x: number) => {
        seen.push(store.getStore());
        // biome-ignore lint/suspicious/noThenProperty: that is what a thenable is
        return { then: (answer: (row: unknown) => void) => void answers.push(answer) };
      };
      const run = store.run('A', () =>
        lastValueFrom(
          range(0, 4).pipe(
            parallelMap(task, { executor, chunk: 2 }),
            reduce((rows: unknown[], row) => [...rows, row, store.getStore()], []),
          ),
        ),
      );
      for (let row = 0; row < 4; row++) store.run('B', () => answers[row]?.(row));
      assert.equal(await run, [0, 'A', 1, 'A', 2, 'A', 3, 'A']);
      assert.equal(seen, ['A', 'A', 'A', 'A']);
    });
  }

  contexts.run();
}
