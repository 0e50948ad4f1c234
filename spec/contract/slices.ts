import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { range, tap } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { parallelMap } from '../../operators/parallelMap.js';
import { waitForRow, waitForWorker } from '../fixtures/slow.js';
import { timed } from '../support/deadline.js';
import { inFolder, rowsOf, type Subject, upTo } from './subject.js';

/** A chunk keeps its worker for its time slice and the task that it is at, whatever its first tasks cost. */
export function slices({ name, make, crosses, remote }: Subject): void {
  // A program of one thread has nobody to hand anything to, and workers elsewhere share no folder with it.
  if (!crosses || remote) return;
  const slices = suite(`${name}: time slices`);
  const it = timed(slices, 60);

  /** Where the slow tasks are among the quick ones. */
  const places = {
    last: { count: 4_000, slow: [3_985, 4_000] },
    'in the middle': { count: 8_000, slow: [4_000, 4_012] },
  } as const;

  for (const [place, { count, slow }] of Object.entries(places)) {
    for (const chunk of [count, 'auto'] as const)
      it(`slow tasks, ${place} of thousands of quick ones in chunks of ${chunk}, are shared by all workers`, () =>
        inFolder(async folder => {
          await using executor = make({ workers: 2 });
          const kwargs = { folder, slow: [...slow] };
          // The first run learns that tasks are quick, and has both workers started and their code compiled.
          const quick = { ...kwargs, slow: [count, count] };
          for (const learned of [quick, quick])
            await rowsOf(range(0, count).pipe(parallelMap(waitForWorker, { kwargs: learned, executor })));
          const rows = await rowsOf(
            range(0, count).pipe(parallelMap(waitForWorker, { kwargs, executor, chunk })),
          );
          const workers = rows.slice(...slow);
          assert.not(workers.includes('alone'), `${workers}`);
        }));

    it(`slow tasks, ${place} of thousands of quick ones, have their rows emitted before the next of them has run`, () =>
      inFolder(async folder => {
        await using executor = make({ workers: 1 });
        const kwargs = { folder, slow: [...slow] };
        const quick = { ...kwargs, slow: [count, count] };
        for (const ordered of [true, false]) {
          await rowsOf(range(0, count).pipe(parallelMap(waitForRow, { kwargs: quick, executor })));
          const rows = await rowsOf(
            range(0, count).pipe(
              parallelMap(waitForRow, { kwargs, executor, ordered, chunk: count }),
              tap(row => {
                if (typeof row === 'string') writeFileSync(join(folder, row), '');
              }),
            ),
          );
          assert.equal(
            rows.slice(...slow),
            upTo(slow[1] - slow[0]).map(i => `${slow[0] + i}`),
            `ordered: ${ordered}`,
          );
        }
      }));
  }

  slices.run();
}
