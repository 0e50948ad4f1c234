import { map, mergeMap, Observable, of } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Chunk, Executor, Report } from '../../../lib/executor.js';
import { inline } from '../../../lib/executors/inline.js';
import { processes } from '../../../lib/executors/processes.js';
import { threads } from '../../../lib/executors/threads.js';
import { sliceBatch } from '../../../lib/serialization/columnBatch.js';
import { executorContract } from '../../../lib/testing/executorContract.js';

const contracts = suite('the contract of executors, as it is published');
executorContract(contracts, { name: 'inline', make: () => inline({ concurrency: 2 }) });
executorContract(contracts, { name: 'threads', make: () => threads({ maxThreads: 2 }) });
executorContract(contracts, { name: 'processes', make: () => processes({ maxThreads: 2 }) });
contracts.run();

/** The titles of the tests that fail. */
async function failing(make: () => Executor): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  executorContract((title, body) => tests.push([title, body]), { name: 'broken', make, seconds: 1 });
  const failed: string[] = [];
  for (const [title, body] of tests)
    await body().catch(() => {
      failed.push(title);
    });
  return failed;
}

const broken = suite('the contract of executors notices');

/** An inline executor whose reports are changed on their way. */
const changing = (change: (report: Report, chunk: Chunk) => Observable<Report>) => (): Executor => {
  const executor = inline({ concurrency: 2 });
  return {
    parallelism: 2,
    chunkPolicy: { timeSlice: 8, maxInputs: 10 },
    run: chunk => executor.run(chunk).pipe(mergeMap(report => change(report, chunk))),
    close: () => executor.close(),
  };
};

const mistakes: Record<string, () => Executor> = {
  'a row that is another input’s': changing((report, { first }) =>
    of(first === 3 && report.rows.length ? { ...report, rows: { ...report.rows, columns: [[0]] } } : report),
  ),
  'a report that comes twice': changing((report, { first }) =>
    first === 3 ? of(report, report) : of(report),
  ),
  'a count without its row': changing(report => of({ ...report, rows: sliceBatch(report.rows, 0, 0) })),
  'failures that are taken for rows': changing(report =>
    of(
      report.failures.length
        ? { ...report, failures: [], rows: { ...report.rows, length: 1, columns: [[0]] } }
        : report,
    ),
  ),
  'causes that are lost': changing(report =>
    of({ ...report, failures: report.failures.map(({ offset }) => ({ offset, cause: undefined })) }),
  ),
  'chunks that start before they are subscribed to': () => {
    const executor = inline({ concurrency: 2 });
    return {
      parallelism: 2,
      run: chunk => {
        if (chunk.inputs.length === 1)
          Promise.resolve(chunk.inputs[0])
            .then(input => chunk.run.task(input))
            .catch(() => undefined);
        return executor.run(chunk);
      },
      close: () => executor.close(),
    };
  },
  'a close that leaves runs as they are': () => ({
    parallelism: 2,
    run: chunk => inline({ concurrency: 2 }).run(chunk),
    close: async () => undefined,
  }),
  'a chunk that never completes': () => {
    const executor = inline({ concurrency: 2 });
    return {
      parallelism: 2,
      run: chunk =>
        new Observable(subscriber =>
          executor
            .run(chunk)
            .pipe(map(report => report))
            .subscribe({
              next: report => subscriber.next(report),
              error: error => subscriber.error(error),
            }),
        ),
      close: () => executor.close(),
    };
  },
};

for (const [mistake, make] of Object.entries(mistakes))
  broken(`an executor with this mistake fails the contract: ${mistake}`, async () => {
    const failed = await failing(make);
    assert.ok(failed.length > 0);
  });

broken.run();
