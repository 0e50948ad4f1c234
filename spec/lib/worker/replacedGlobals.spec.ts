import { from, lastValueFrom, map, of, range, toArray } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type * as packageEntry from '../../../index.js';
import { anyValue, replaceGlobals } from '../../fixtures/replacedGlobals.js';
import { timed, within } from '../../support/deadline.js';
import { difference } from '../../support/same.js';

// The bundler puts built-ins as they were at load in place of the worker's uses of them, so this is shown with the bundle.
const bundle = new URL('../../../bundle/rx-parfor/index.js', import.meta.url).href;
const { inline, parallelMap, parallelMapSettled, processes, threads }: typeof packageEntry = await import(
  bundle
);

const replacedGlobals = suite('replaced globals');
const it = timed(replacedGlobals, 60);

for (const make of [threads, processes]) {
  it(`a task that replaces all globals and their functions harms no row after it, on ${make.name}`, async () => {
    const inputs = Array.from({ length: 24 }, (_, i) => i);
    const rowsOn = (executor: packageEntry.Executor, chunk: number) =>
      lastValueFrom(
        from(inputs).pipe(
          parallelMapSettled(anyValue, { executor, chunk }),
          map(row => (row.status === 'fulfilled' ? row.value : [row.reason.message, row.reason.cause])),
          toArray(),
        ),
      );
    const expected = await rowsOn(inline(), 1);
    await using executor = make({ maxThreads: 1 });
    assert.is(await lastValueFrom(of(1).pipe(parallelMap(replaceGlobals, { executor }))), 1);
    for (const chunk of [1, 5]) {
      const rows = await within(20, rowsOn(executor, chunk));
      assert.is(rows.length, expected.length);
      for (const [i, row] of rows.entries()) assert.is(difference(row, expected[i]), undefined);
    }
    assert.equal(
      await lastValueFrom(
        range(0, 3).pipe(
          parallelMap((x: number) => x * 2, { executor }),
          toArray(),
        ),
      ),
      [0, 2, 4],
    );
  });
}

replacedGlobals.run();
