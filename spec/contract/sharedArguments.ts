import { from, range } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Executor } from '../../lib/executor.js';
import type { Task } from '../../lib/task/task.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import {
  changes,
  isNew,
  meddle,
  meddleAndFail,
  meddleAndWait,
  shared,
  textOf,
} from '../fixtures/sharedArguments.js';
import { timed } from '../support/deadline.js';
import { rowsOf, type Subject, upTo } from './subject.js';

const expected = `${textOf(shared())}${textOf(shared())}`;

/** `args` and `kwargs` are for each call what the caller gave. */
export function sharedArguments({ name, make }: Subject): void {
  const suited = suite(`${name}: args and kwargs`);
  const it = timed(suited);
  let executor: Executor;
  suited.before(() => {
    executor = make({ workers: 2 });
  });
  suited.after(() => executor.close());

  for (const change of Object.keys(changes))
    it(`args and kwargs that a task changes (${change}) are fresh for the next task, and the caller's stay`, async () => {
      const given = { args: [shared()], kwargs: shared() };
      for (const task of [meddle, meddleAndWait])
        for (const chunk of [1, 5]) {
          // Most change nothing: those that do stand anywhere among them.
          const inputs = upTo(20).map(i => (i % 7 === 3 || i === 0 ? change : 'nothing'));
          const rows = await rowsOf(
            from(inputs).pipe(parallelMap(task as Task, { executor, chunk, ...given } as object)),
          );
          assert.equal(rows, Array(20).fill(expected));
        }
      assert.is(`${textOf(given.args[0] as never)}${textOf(given.kwargs)}`, expected);
    });

  it('quick tasks of which one in thousands changes kwargs: no row depends on it', async () => {
    const task = (x: number, { list }: { list: number[] }) => {
      const { length } = list;
      if (x % 997 === 5) list.push(x);
      return length;
    };
    const rows = await rowsOf(range(0, 5000).pipe(parallelMap(task, { executor, kwargs: { list: [1, 2] } })));
    assert.equal(rows, Array(5000).fill(2));
  });

  it('what a task that failed has changed of args and kwargs is fresh for its next try', async () => {
    const rows = await rowsOf(
      from(['push', 'private state', 'getter']).pipe(
        parallelMapSettled(
          meddleAndFail as Task,
          {
            executor,
            retry: 2,
            args: [shared()],
            kwargs: shared(),
          } as object,
        ),
      ),
    );
    for (const row of rows)
      assert.is(row.status === 'rejected' && (row.reason.cause as Error).message, expected);
  });

  it('args that no task changes are the same objects for each call of a worker', async () => {
    const rows = await rowsOf(
      range(0, 200).pipe(parallelMap(isNew as Task, { executor, args: [shared()] } as object)),
    );
    const fresh = rows.filter(row => row).length;
    assert.ok(fresh >= 1 && fresh <= 2, `${fresh}`);
  });

  it('the memory of typed arrays in args is one for all calls of a worker, and none of the caller', async () => {
    const given = new Float64Array(2);
    const task = (_: number, array: Float64Array) => {
      array[0] = (array[0] as number) + 1;
      return array[0];
    };
    await rowsOf(range(0, 3).pipe(parallelMap(task, { executor, args: [given] })));
    assert.equal(given, new Float64Array(2));
  });

  suited.run();
}
