import { from, lastValueFrom, range, reduce, Subject, toArray } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inline } from '../../../lib/executors/inline.js';
import { sweep } from '../../../lib/sources/sweep.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { parallelMapSettled } from '../../../operators/parallelMapSettled.js';
import { contract } from '../../contract/contract.js';
import { upTo } from '../../contract/subject.js';
import { sleep, timed } from '../../support/deadline.js';

contract('inline', ({ workers } = {}) => inline(workers === undefined ? {} : { concurrency: workers }), {
  crosses: false,
  sharesMemory: false,
  processes: false,
});

const sideBySide = suite('inline: async tasks side by side');
const it = timed(sideBySide);

it('inline runs as many tasks as its `concurrency` says, whatever runs ask for and however many there are', async () => {
  let now = 0;
  let most = 0;
  const busy = async (x: number) => {
    most = Math.max(most, ++now);
    await sleep(1);
    now -= 1;
    return x;
  };
  const executor = inline({ concurrency: 2 });
  const run = (concurrency?: number) =>
    lastValueFrom(
      range(0, 20).pipe(parallelMap(busy, { executor, ...(concurrency && { concurrency }) }), toArray()),
    );
  await run(20);
  assert.is(most, 2);
  await Promise.all([run(), run(5), run()]);
  assert.is(most, 2);
  assert.is(now, 0);
});

it('inline takes fifty thousand thenables that answer at once in one chunk, and serves the next run', async () => {
  const executor = inline();
  const atOnce = (x: number) =>
    ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
      then: (resolve: (value: number) => void) => resolve(x),
    }) as unknown as Promise<number>;
  const run = (count: number) =>
    lastValueFrom(
      sweep(upTo(count)).pipe(
        parallelMap(atOnce, { executor, chunk: 50_000, ordered: false }),
        reduce(sum => sum + 1, 0),
      ),
    );
  assert.is(await run(50_000), 50_000);
  assert.is(await run(3), 3);
});

it('inline gives the value of a thenable that answers with a thenable, as await does', async () => {
  const thenable = (value: unknown) =>
    ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
      then: (resolve: (value: unknown) => void) => resolve(value),
    }) as unknown as Promise<number>;
  const make = (x: number) => thenable(x % 2 ? Promise.resolve(x) : thenable(thenable(x)));
  const rows = await lastValueFrom(range(0, 4).pipe(parallelMap(make, { executor: inline() }), toArray()));
  assert.equal(rows, [0, 1, 2, 3]);
});

it('a task of inline sees its input as it was emitted, where that waited for a task of another run', async () => {
  const executor = inline();
  const first = lastValueFrom(range(0, 1).pipe(parallelMap(() => sleep(1), { executor })));
  const reused = { at: 0, deep: { at: 0 } };
  function* states() {
    for (const i of upTo(3)) {
      reused.at = reused.deep.at = i;
      yield reused;
    }
  }
  const read = ({ at, deep }: typeof reused) => [at, deep.at];
  for (const source of [from(states()), sweep(states())])
    assert.equal(await lastValueFrom(source.pipe(parallelMap(read, { executor }), toArray())), [
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  await first;
});

it('a task of inline that calls its own source sees each input as it was emitted', () => {
  const source = new Subject<{ at: number }>();
  const reused = { at: 0 };
  const seen: number[] = [];
  const task = (input: { at: number }) => {
    seen.push(input.at);
    if (input.at > 0) return;
    for (const at of [1, 2]) {
      reused.at = at;
      source.next(reused);
    }
    reused.at = 3;
  };
  source.pipe(parallelMap(task, { executor: inline() })).subscribe();
  source.next(reused);
  assert.equal(seen, [0, 1, 2]);
});

it('inline fails the input of a thenable that answers with what cannot be asked for `then`', async () => {
  const locked = Object.defineProperty({}, 'then', {
    get() {
      throw new RangeError('locked');
    },
  });
  const make = (x: number) =>
    (x === 1
      ? {
          // biome-ignore lint/suspicious/noThenProperty: a thenable is what this is about
          then: (resolve: (value: unknown) => void) => resolve(locked),
        }
      : x) as number;
  const rows = await lastValueFrom(
    range(0, 3).pipe(parallelMapSettled(make, { executor: inline() }), toArray()),
  );
  assert.equal(
    rows.map(row => (row.status === 'fulfilled' ? row.value : (row.reason.cause as Error).message)),
    [0, 'locked', 2],
  );
});

sideBySide.run();
