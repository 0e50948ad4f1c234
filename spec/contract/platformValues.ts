import { from, of } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotTransferableError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import {
  countMaking,
  makeNamed,
  sharedValues,
  stayingValues,
  tell,
  throwWith,
} from '../fixtures/platformValues.js';
import { timed } from '../support/deadline.js';
import { errorOf, rowsOf, type Subject, upTo } from './subject.js';

/** Values of the platform's own classes arrive equal, or are refused for what they are, each at the cost of its own input. */
export function platformValues({ name, make, crosses, sharesMemory }: Subject): void {
  const suited = suite(`${name}: values of the platform`);
  const it = timed(suited);
  let executor: Executor;
  suited.before(() => {
    executor = make({ workers: 1 });
  });
  suited.after(() => executor.close());

  const names = Object.keys(stayingValues);
  const sharedNames = Object.keys(sharedValues);
  /** Names with one that stands for nothing before each and after all. */
  const apart = (all: readonly string[]) => [...all.flatMap(kind => ['none', kind]), 'none'];

  const checkRefusal = (reason: unknown, what: 'input' | 'result', kind: string, says: RegExp) => {
    assert.instance(reason, NotTransferableError, `${kind}: ${reason}`);
    const { message } = reason as NotTransferableError;
    assert.is((reason as NotTransferableError).what, what, kind);
    assert.match(message, says, kind);
    assert.not.match(message, 'registerClass', kind);
  };

  if (!crosses)
    it('any value of the platform is a row as it is, where nothing crosses', async () => {
      for (const [kind, [make]] of Object.entries(stayingValues)) {
        const value = { of: make() };
        const rows = await rowsOf(of(value).pipe(parallelMap(x => x, { executor })));
        assert.is(rows[0], value, kind);
        assert.is(rows[0]?.of, value.of, kind);
      }
    });

  if (crosses) {
    it('values of the platform that stay in their thread are refused as inputs for what they are, and no task runs twice', async () => {
      const inputs = apart(names).map(kind => stayingValues[kind]?.[0]() ?? kind);
      await using alone = make({ workers: 1 });
      const found = await rowsOf(
        from(inputs).pipe(
          parallelMapSettled(countMaking as (x: unknown) => unknown, {
            executor: alone,
            chunk: inputs.length,
          }),
        ),
      );
      for (const [i, kind] of apart(names).entries()) {
        const row = found[i];
        if (row?.status === 'fulfilled') assert.is(row.value, i / 2 + 1, `${i}`);
        else checkRefusal(row?.reason, 'input', kind, stayingValues[kind]?.[1] ?? /^$/);
      }
    });

    it('values of the platform that stay in their thread are refused as results for what they are, and no task runs twice', async () => {
      const kinds = apart(names);
      await using alone = make({ workers: 1 });
      const found = await rowsOf(
        from(kinds).pipe(parallelMapSettled(countMaking, { executor: alone, chunk: kinds.length })),
      );
      for (const [i, kind] of kinds.entries()) {
        const row = found[i];
        if (row?.status === 'fulfilled') assert.equal([kind, row.value], ['none', i + 1]);
        else checkRefusal(row?.reason, 'result', kind, stayingValues[kind]?.[1] ?? /^$/);
      }
    });

    it('values of the platform that hang on an error cost it these parts alone', async () => {
      const found = await rowsOf(from(names).pipe(parallelMapSettled(throwWith, { executor })));
      for (const [i, row] of found.entries()) {
        const kind = names[i] as string;
        const { cause } = (row.status === 'rejected' && row.reason) as unknown as {
          cause: Error & { code: number; request: { headers: unknown; value: unknown }; value: unknown };
        };
        assert.equal([cause.message, cause.code, cause.request.headers], [`with ${kind}`, 5, { a: 1 }], kind);
        assert.equal([typeof cause.value, typeof cause.request.value], ['string', 'string'], kind);
      }
    });

    it('values of the platform that threads can share arrive equal there, and are refused between processes', async () => {
      const inputs = await Promise.all(apart(sharedNames).map(kind => sharedValues[kind]?.() ?? kind));
      const options = { executor, chunk: inputs.length };
      const arrived = await rowsOf(from(inputs).pipe(parallelMapSettled(tell, options)));
      const returned = await rowsOf(from(apart(sharedNames)).pipe(parallelMapSettled(makeNamed, options)));
      for (const i of upTo(inputs.length)) {
        const kind = apart(sharedNames)[i] as string;
        const [there, here] = [arrived[i], returned[i]];
        if (kind === 'none')
          assert.equal(
            [there, here].map(row => row?.status === 'fulfilled' && row.value),
            ['string', 'none'],
          );
        else if (!sharesMemory) {
          for (const [row, what] of [
            [there, 'input'],
            [here, 'result'],
          ] as const)
            checkRefusal(
              row?.status === 'rejected' && row.reason,
              what,
              kind,
              /does not cross to another process/,
            );
        } else {
          assert.is(there?.status, 'fulfilled', kind);
          assert.equal(there?.status === 'fulfilled' && there.value, await tell(inputs[i]), kind);
          assert.is(here?.status, 'fulfilled', kind);
          const { value, facts } = (here?.status === 'fulfilled' && here.value) as {
            value: unknown;
            facts: unknown;
          };
          assert.equal(await tell(value), facts, kind);
        }
      }
    });

    it('values of the platform among args and kwargs end the run for what they are', async () => {
      for (const kind of ['generator', 'Response', 'Socket', 'Observable']) {
        const [made, says] = stayingValues[kind] as readonly [() => unknown, RegExp];
        for (const options of [{ args: [made()] }, { kwargs: { k: made() } }]) {
          const error = await errorOf<NotTransferableError>(
            of(1).pipe(parallelMap(tell as (x: unknown) => unknown, { ...options, executor } as object)),
          );
          assert.instance(error, NotTransferableError, kind);
          assert.match(error.message, says, kind);
          assert.not.match(error.message, 'registerClass', kind);
        }
      }
    });
  }

  suited.run();
}
