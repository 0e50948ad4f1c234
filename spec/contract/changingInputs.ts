import fc from 'fast-check';
import { from, Observable, type Subscriber } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Executor } from '../../lib/executor.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { copyAt, failFirst } from '../fixtures/changingInputs.js';
import { Counter } from '../fixtures/sharedArguments.js';
import { anyKey, anyValue } from '../lib/serialization/arbitraries.js';
import { timed } from '../support/deadline.js';
import { propertyRuns } from '../support/propertyRuns.js';
import { same } from '../support/same.js';
import { rowsOf, type Subject, upTo } from './subject.js';

/** Inputs that are one object again and again, by names: each makes it, and changes it to its i-th state. */
const reused: Readonly<Record<string, () => [object, (i: number) => void]>> = {
  'typed array': () => {
    const array = new Float64Array(3);
    return [array, i => array.fill(i)];
  },
  'large typed array': () => {
    const array = new Float64Array(30_000);
    return [array, i => array.fill(i)];
  },
  'part of a buffer': () => {
    const { buffer } = new Float64Array(8);
    return [new Float64Array(buffer, 8, 2), i => new Float64Array(buffer).fill(i)];
  },
  Buffer: () => {
    const buffer = Buffer.alloc(5);
    return [buffer, i => buffer.fill(i)];
  },
  tuple: () => {
    const tuple = [0, 'x'];
    return [
      tuple,
      i => {
        tuple[0] = i;
      },
    ];
  },
  'tuple that grows': () => {
    const tuple: number[] = [];
    return [tuple, i => tuple.push(i)];
  },
  record: () => {
    const record = { x: 0, y: 'y' };
    return [
      record,
      i => {
        record.x = i;
      },
    ];
  },
  'record that gets keys': () => {
    const record: Record<string, number> = { x: 0 };
    return [
      record,
      i => {
        record[`k${i}`] = i;
      },
    ];
  },
  nested: () => {
    const inner = { list: [0] };
    return [[{ inner }], i => inner.list.push(i)];
  },
  Map: () => {
    const map = new Map<number, object>();
    return [map, i => map.set(i, { i })];
  },
  Date: () => {
    const date = new Date(0);
    return [date, i => date.setTime(i)];
  },
  instance: () => {
    const counter = new Counter(0);
    return [counter, () => counter.increment()];
  },
};

/** A task sees each input as it was emitted, whatever becomes of it. */
export function changingInputs({ name, make, crosses }: Subject): void {
  const suited = suite(`${name}: inputs that change`);
  const it = timed(suited);
  let executor: Executor;
  suited.before(() => {
    executor = make({ workers: 2 });
  });
  suited.after(() => executor.close());

  /** What a source emits, of which each is gone when the next one comes, and what each was. */
  const statesOf = (kind: string, count: number) => {
    const [value, change] = (reused[kind] as (typeof reused)[string])();
    const states: unknown[] = [];
    function* values() {
      for (const i of upTo(count)) {
        change(i + 1);
        states.push(value instanceof Counter ? value.count : copyAt(value));
        yield value;
      }
    }
    return { states, values };
  };

  for (const kind of Object.keys(reused))
    it(`each task sees an input that is one object again and again (${kind}) as it was emitted`, async () => {
      for (const pulled of [false, true])
        for (const options of [{}, { chunk: 3 }, { retry: 1 }]) {
          const { states, values } = statesOf(kind, 11);
          const source = pulled ? sweep(values()) : from(values());
          const rows = await rowsOf(source.pipe(parallelMap(copyAt, { executor, ...options })));
          same(rows, states, `${kind}, ${pulled ? 'pulled' : 'pushed'}, ${JSON.stringify(options)}`);
        }
    });

  it('async tasks begin with each input as it was emitted, also where it waits while others run', async () => {
    const { states, values } = statesOf('nested', 9);
    same(
      await rowsOf(
        from(values()).pipe(
          parallelMap(
            async (value: unknown) => {
              const found = structuredClone(value);
              await new Promise(resolve => setTimeout(resolve, 1));
              return found;
            },
            { executor, concurrency: 2 },
          ),
        ),
      ),
      states,
    );
  });

  it('an input that is tried again is the one that was emitted, whatever its source and its task have changed', async () => {
    for (const kind of ['typed array', 'tuple', 'record', 'nested']) {
      const { states, values } = statesOf(kind, 6);
      const rows = await rowsOf(
        from(values()).pipe(parallelMap(failFirst, { executor, retry: { count: 40, delay: 1 } })),
      );
      same(rows, states, kind);
    }
  });

  it('an input that does not change is the row’s and the error’s own', async () => {
    const inputs = [[1, 2], { a: 1 }, new Float64Array(2), { deep: [1] }, new Counter(1)];
    const rows = await rowsOf(from(inputs).pipe(parallelMapSettled(() => 0, { executor, chunk: 5 })));
    for (const [i, row] of rows.entries()) assert.is(row.input, inputs[i]);
  });

  if (crosses)
    it('any object that its source changes in any way after it was emitted', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(anyValue, anyValue, anyKey), { minLength: 1, maxLength: 12 }),
          fc.integer({ min: 1, max: 5 }),
          async (values, chunk) => {
            const states: unknown[] = [];
            const source = new Observable<unknown>((subscriber: Subscriber<unknown>) => {
              for (const [first, second, key] of values) {
                const value = { first, list: [second] } as Record<string, unknown>;
                states.push(structuredClone(value));
                subscriber.next(value);
                value.list = 0;
                if (Array.isArray(first)) first.push(1);
                else if (first instanceof Map) first.clear();
                else if (typeof first === 'object' && first) Reflect.set(first, key, 'changed');
              }
              subscriber.complete();
            });
            const rows = await rowsOf(source.pipe(parallelMap((x: unknown) => x, { executor, chunk })));
            same(structuredClone(rows), states);
          },
        ),
        { numRuns: propertyRuns(60) },
      );
    });

  suited.run();
}
