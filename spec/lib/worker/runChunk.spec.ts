import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ChunkMessage, ColumnBatchMessage, ReportMessage } from '../../../lib/protocol/messages.js';
import { rowReader } from '../../../lib/serialization/columnBatch.js';
import { decode } from '../../../lib/serialization/decode.js';
import type { LoadedTask } from '../../../lib/worker/loadTask.js';
import { type ChunkContext, runChunk } from '../../../lib/worker/runChunk.js';
import { Qobj } from '../../fixtures/qobj.js';
import { sleep, timed } from '../../support/deadline.js';
import { decodedRows, encodedRows } from '../serialization/roundTrip.js';

const runs = suite('runChunk');
const it = timed(runs);

interface Posted {
  readonly report: ReportMessage;
  readonly rows: unknown[];
  /** Milliseconds after the start. */
  readonly at: number;
  readonly transferred: number;
}

/** Runs a task over inputs as a worker would, and gives what it posts. */
async function posts(
  inputs: readonly unknown[],
  call: LoadedTask['call'],
  {
    timeSlice = 1_000,
    isCancelled = () => false,
    explain = error => error,
    sharedMemory = true,
    literalArrays = false,
    pulse = undefined,
  }: Partial<
    Pick<ChunkMessage, 'timeSlice'> &
      LoadedTask &
      Pick<ChunkContext, 'sharedMemory' | 'isCancelled' | 'pulse'>
  > = {},
): Promise<Posted[]> {
  const start = performance.now();
  const posted: Posted[] = [];
  let ended = false;
  const message: ChunkMessage = {
    number: 1,
    id: 1,
    definition: undefined,
    taskTimeout: undefined,
    state: undefined,
    remote: false,
    inputs: structuredClone(
      encodedRows(inputs, 'threads', { transferMarked: false }).message,
    ) as ColumnBatchMessage,
    timeSlice,
  };
  await runChunk(
    message,
    { call, explain, literalArrays },
    {
      sharedMemory,
      functionsByReference: true,
      functions: [],
      pulse,
      isCancelled,
      hasOutput: () => false,
      post(report, transferList = []) {
        assert.not(ended, 'nothing comes after the end');
        if (report.kind === 'returned' || report.kind === 'started') return;
        ended = report.kind === 'end' || report.last;
        if (report.kind === 'end') return;
        posted.push({
          report,
          rows: decodedRows(report.rows),
          at: performance.now() - start,
          transferred: transferList.length,
        });
      },
    },
  );
  assert.ok(ended, 'the end is told');
  return posted;
}

/** Keeps this thread busy for so many ms. */
function spin(ms: number): number {
  const end = performance.now() + ms;
  while (performance.now() < end);
  return ms;
}

const counts = (posted: readonly Posted[]) => posted.map(({ report }) => report.count);
const total = (posted: readonly Posted[]) => counts(posted).reduce((sum, count) => sum + count, 0);
const rowsOf = (posted: readonly Posted[]) => posted.flatMap(({ rows }) => rows);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

it('a chunk runs every input in order, and reports quick ones together', async () => {
  const posted = await posts(upTo(1_000), x => (x as number) ** 2);
  assert.equal(
    rowsOf(posted),
    upTo(1_000).map(x => x ** 2),
  );
  assert.ok(posted.length <= 5, `${posted.length} reports`);
  for (const { report } of posted) assert.ok(report.elapsed >= 0);
});

it('a chunk hands the rest back when its time slice is spent', async () => {
  const posted = await posts(upTo(100), x => spin(3) && x, { timeSlice: 8 });
  assert.equal(rowsOf(posted), upTo(total(posted)));
  assert.ok(total(posted) >= 1 && total(posted) <= 4, `${total(posted)} of them`);
});

it('a chunk hands the rest back after the first slow task, however many quick ones came before it', async () => {
  const pulse = new Int32Array(new SharedArrayBuffer(4));
  for (const told of [pulse, undefined])
    for (const slow of [1, 2, 2_000, 2_001, 2_010]) {
      const task = (x: unknown) => {
        if ((x as number) < slow) return x;
        spin(9);
        // By the executor's thread it would be meanwhile.
        pulse[0]! += 1;
        return x;
      };
      const posted = await posts(upTo(16_384), task, { timeSlice: 8, pulse: told });
      assert.ok(total(posted) <= slow + 1, `${total(posted)} of ${slow}, ${told ? 'pulse' : 'clock'}`);
      assert.equal(rowsOf(posted), upTo(total(posted)));
    }
});

it('a chunk goes on at the beats of a pulse as long as nothing is due', async () => {
  const pulse = new Int32Array(new SharedArrayBuffer(4));
  const task = (x: unknown) => {
    pulse[0]! += 1;
    return x;
  };
  const posted = await posts(upTo(200), task, { pulse });
  assert.equal(rowsOf(posted), upTo(200));
});

it('a chunk that is cancelled as the pulse beats ends with the task that it is at', async () => {
  const pulse = new Int32Array(new SharedArrayBuffer(4));
  let cancelled = false;
  const task = (x: unknown) => {
    if (x === 2_005) {
      cancelled = true;
      pulse[0]! += 1;
    }
    return x;
  };
  assert.is(total(await posts(upTo(16_384), task, { pulse, isCancelled: () => cancelled })), 2_006);
});

it('a chunk runs one input at least', async () => {
  for (const timeSlice of [0, -5])
    assert.equal(rowsOf(await posts([1, 2, 3], x => x, { timeSlice })).slice(0, 1), [1]);
  assert.equal(counts(await posts([1, 2, 3], x => spin(1) && x, { isCancelled: () => true })), [1]);
  assert.equal(counts(await posts([1, 2, 3], async x => x, { timeSlice: 0 })), [1]);
});

it('a chunk stops when it is cancelled, also from outside', async () => {
  let cancelled = false;
  const isCancelled = () => cancelled;
  const posted = await posts(
    upTo(100),
    x => {
      spin(0.1);
      cancelled = x === 20;
      return x;
    },
    { isCancelled },
  );
  assert.is(total(posted), 21);
  const later = await posts(
    upTo(100),
    async x => {
      cancelled = x === 3;
      return x;
    },
    { isCancelled },
  );
  assert.is(total(later), 4);
});

it('a chunk reports at least every few ms, so that a long task holds nobody back', async () => {
  const posted = await posts(upTo(22), x => spin(x === 21 ? 60 : 1) && x);
  assert.equal(rowsOf(posted), upTo(22));
  const early = posted.filter(({ at }) => at < 60);
  assert.ok(total(early) >= 17, `${total(early)} of 21 before the long one`);
  assert.ok(early.length >= 3);
});

it('a chunk reports while an async task is awaited', async () => {
  const posted = await posts(upTo(4), x =>
    x === 2
      ? sleep(60).then(() => {
          throw new Error('late');
        })
      : x,
  );
  assert.equal(counts(posted.slice(0, 1)), [2]);
  assert.ok((posted[0]?.at ?? 99) < 40, `after ${posted[0]?.at} ms`);
  assert.is(total(posted), 4);
  assert.equal(rowsOf(posted), [0, 1, 3]);
  assert.equal(
    posted.slice(1).flatMap(({ report }) => report.failures.map(({ offset }) => offset)),
    [0],
    'counted from the start of its own report',
  );
});

it('every row stays where it belongs, however long it was awaited', async () => {
  const waits = [0, 0, 15, 0, 1, 15, 0, 15, 15, 2];
  const posted = await posts(upTo(10), x => {
    const wait = waits[x as number] as number;
    return wait === 0 ? x : sleep(wait).then(() => x);
  });
  assert.equal(rowsOf(posted), upTo(10));
  assert.is(total(posted), 10);
});

it('async tasks run one after another', async () => {
  let running = 0;
  let most = 0;
  const posted = await posts(upTo(6), async x => {
    most = Math.max(most, ++running);
    await sleep(1);
    running--;
    return (x as number) * 2;
  });
  assert.equal(rowsOf(posted), [0, 2, 4, 6, 8, 10]);
  assert.is(most, 1);
});

it('whatever can be awaited is awaited, and both kinds can be mixed', async () => {
  // biome-ignore lint/suspicious/noThenProperty: a thenable is what is meant.
  const thenable = (value: unknown) => ({ then: (resolve: (value: unknown) => void) => resolve(value) });
  const posted = await posts(upTo(9), x => [x, Promise.resolve(x), thenable(x)][(x as number) % 3]);
  assert.equal(rowsOf(posted), upTo(9));
});

it('failures are reported by their place, with the rows of the others', async () => {
  const posted = await posts(
    upTo(10),
    x => {
      if (x === 2) throw new RangeError('two');
      if (x === 5) return Promise.reject('five');
      if (x === 7) return { solve() {} };
      return x;
    },
    { explain: error => (error === 'five' ? 'explained' : error) },
  );
  assert.equal(rowsOf(posted), [0, 1, 3, 4, 6, 8, 9]);
  let before = 0;
  const failures = posted.flatMap(({ report }) => {
    const all = report.failures.map(({ offset, cause, untransferable }) => ({
      index: before + offset,
      cause: decode(cause, report.tag),
      untransferable,
    }));
    before += report.count;
    return all;
  });
  assert.equal(
    failures.map(({ index }) => index),
    [2, 5, 7],
  );
  assert.instance(failures[0]?.cause, RangeError);
  assert.is(failures[1]?.cause, 'explained');
  assert.is(failures[2]?.cause, undefined);
  assert.equal(
    failures.map(({ untransferable }) => untransferable && [untransferable.what, untransferable.path]),
    [undefined, undefined, ['result', '.solve']],
  );
});

it('all inputs of a chunk can fail', async () => {
  const posted = await posts(upTo(50), () => {
    throw undefined;
  });
  assert.is(total(posted), 50);
  assert.is(
    posted.reduce((sum, { report }) => sum + report.failures.length, 0),
    50,
  );
  assert.equal(rowsOf(posted), []);
});

it('a getter `then` that throws, and a rejection with nothing, are failures', async () => {
  const posted = await posts(upTo(3), x => {
    if (x === 0)
      return {
        // biome-ignore lint/suspicious/noThenProperty: it is what fails.
        get then(): never {
          throw new Error('no then');
        },
      };
    return x === 1 ? Promise.reject() : x;
  });
  assert.equal([total(posted), rowsOf(posted)], [3, [2]]);
});

it('inputs that were encoded are decoded, each for its own task', async () => {
  const inputs = [new Qobj(Float64Array.of(3, 4)), 5, [new Qobj(Float64Array.of(1))], Buffer.from('a')];
  const posted = await posts(inputs, x =>
    x instanceof Qobj ? x.norm() : Array.isArray(x) ? x[0].norm() : Buffer.isBuffer(x) ? 'buffer' : x,
  );
  assert.equal(rowsOf(posted), [5, 5, 1, 'buffer']);
});

it('columns of numbers are transferred, and between processes nothing is', async () => {
  assert.is((await posts([1, 2], x => [x, x, 'a']))[0]?.transferred, 2);
  assert.is((await posts([1, 2], x => [x, x, 'a'], { sharedMemory: false }))[0]?.transferred, 0);
  const posted = await posts([1], x => x);
  assert.is(rowReader(posted[0]!.report.rows)(0), 1);
});

it('a report says how long its tasks took', async () => {
  const posted = await posts(upTo(5), x => spin(4) && x);
  for (const { report } of posted) assert.ok(report.elapsed >= 3.9 * report.count && report.elapsed < 100);
});

runs.run();
