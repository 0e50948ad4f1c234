import { Observable } from 'rxjs';
import type { RunHelpers } from 'rxjs/testing';
import type { Chunk, Executor, Report, Run } from '../executor.js';
import { batchOfRow, noRows } from '../serialization/columnBatch.js';

/** An executor without workers: what its chunks emit stands in marbles. */
export interface MarbleExecutor extends Executor {
  /** Asserts when each chunk was subscribed to and let go of, try by try; chunks that are not named never were. */
  expectChunks(subscriptions: Readonly<Record<string, string | readonly string[]>>): void;
  /** The runs that are over. */
  readonly forgotten: readonly Run[];
  /** The most chunks that were under way at once. */
  readonly most: number;
}

/** Options of `marbleExecutor`. */
export interface MarbleExecutorOptions {
  /** Chunks that run at once: a whole number from 1. Default: 1. */
  readonly parallelism?: number;
  /** The error of a task that failed. Default: `new Error('oops')`. */
  readonly oops?: unknown;
  /** By chunk: the error with which the executor itself ends it at `#`. Default: none. */
  readonly errors?: Readonly<Record<string, unknown>>;
}

/**
 * Creates an executor of marbles, for tests of a pipeline in RxJS's virtual time.
 *
 * A chunk is named by its inputs, joined; it has one input, unless the option `chunk` of the operator says otherwise. A
 * letter settles the next input with that letter as its row, `?` settles it as failed, `#` does so and ends the chunk, `|`
 * ends it. An array has one diagram for each try.
 * @param helpers those that RxJS's `TestScheduler.run` gives to its callback
 * @throws Error where a chunk is run that has no marbles
 * @example
 * new TestScheduler(assert.deepEqual).run(helpers => {
 *   const executor = marbleExecutor(helpers, { a: '--A|', b: '-B|' }, { parallelism: 2 });
 *   const rows = helpers.cold('ab|').pipe(parallelMap(x => x, { executor }));
 *   helpers.expectObservable(rows).toBe('--(AB|)');
 * });
 */
export function marbleExecutor(
  { cold, expectSubscriptions }: Pick<RunHelpers, 'cold' | 'expectSubscriptions'>,
  chunks: Readonly<Record<string, string | readonly string[]>>,
  options: MarbleExecutorOptions = {},
): MarbleExecutor {
  const { parallelism = 1, oops = new Error('oops'), errors = {} } = options;
  const failed: Report = { count: 1, rows: noRows, failures: [{ offset: 0, cause: oops }], elapsed: 0 };
  const colds = new Map(
    Object.entries(chunks).map(([inputs, tries]) => [
      inputs,
      [tries].flat().map(marble => {
        const error = errors[inputs];
        const drawn =
          error === undefined ? marble.replace(/(\([^)]*)#\)/, '$1?|)').replace('#', '(?|)') : marble;
        const values = [...drawn].map((letter): [string, Report] => [
          letter,
          letter === '?' ? failed : { count: 1, rows: batchOfRow(letter), failures: [], elapsed: 0 },
        ]);
        return cold<Report>(drawn, Object.fromEntries(values), error);
      }),
    ]),
  );
  const started = new Map<string, number>();
  const forgotten: Run[] = [];
  let running = 0;
  let most = 0;
  return {
    parallelism,
    chunkPolicy: { timeSlice: 8, maxInputs: 1 },
    forgotten,
    get most() {
      return most;
    },
    run({ inputs }: Chunk): Observable<Report> {
      const name = Array.from(inputs).join('');
      const nth = started.get(name) ?? 0;
      started.set(name, nth + 1);
      const chunk = colds.get(name)?.[nth];
      if (!chunk)
        throw new Error(`the chunk ${name} has no marbles for try ${nth + 1}; add them to its array`);
      return new Observable(subscriber => {
        running += 1;
        most = Math.max(most, running);
        subscriber.add(() => {
          running -= 1;
        });
        chunk.subscribe(subscriber);
      });
    },
    forget(run) {
      forgotten.push(run);
    },
    expectChunks(subscriptions) {
      for (const [inputs, tries] of colds) {
        const expected = [subscriptions[inputs] ?? []].flat();
        tries.forEach((chunk, nth) => {
          expectSubscriptions(chunk.subscriptions).toBe(expected[nth] === undefined ? [] : [expected[nth]]);
        });
      }
    },
    close: async () => undefined,
  };
}
