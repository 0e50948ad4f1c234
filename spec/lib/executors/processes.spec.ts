import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, range, toArray } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { processes } from '../../../lib/executors/processes.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { contract } from '../../contract/contract.js';
import { inFolder } from '../../contract/subject.js';
import { dieOnce } from '../../fixtures/tasks.js';
import { timed } from '../../support/deadline.js';

contract(
  'processes',
  ({ workers, heap, ...options } = {}) =>
    processes({
      ...options,
      ...(workers !== undefined && { maxThreads: workers }),
      ...(heap !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heap } }),
    }),
  { crosses: true, sharesMemory: false, processes: true },
);

const starts = suite('processes: starts that fail');
const it = timed(starts, 30);

it('children that die as they start are an error of the set-up only where none has started in between', async () => {
  await inFolder(async folder => {
    // Four of five starts fail; each of three inputs ends its worker once.
    const preload = join(folder, 'preload.cjs');
    writeFileSync(
      preload,
      `const fs = require('node:fs');
       const file = __dirname + '/starts';
       fs.appendFileSync(file, 'x');
       if (fs.statSync(file).size % 5 !== 0) process.exit(3);`,
    );
    await using executor = processes({ maxThreads: 1, execArgv: ['--require', preload] });
    const kwargs = { folder, deadly: [0, 1, 2] };
    const rows = await lastValueFrom(range(0, 4).pipe(parallelMap(dieOnce, { kwargs, executor }), toArray()));
    assert.equal(rows, [0, 1, 2, 3]);
  });
});

starts.run();
