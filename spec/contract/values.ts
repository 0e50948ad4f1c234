import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { from, of, range } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotTransferableError, TaskError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import { transfer } from '../../lib/serialization/transfer.js';
import { type Task, task } from '../../lib/task/task.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import {
  makeUncrossable,
  promiseUncrossable,
  raiseFunction,
  refusedByNode,
  uncrossable,
} from '../fixtures/faults.js';
import { box, callAll, callInput, choose, lost, ramp, throwPulse } from '../fixtures/pulses.js';
import {
  Brittle,
  brittle,
  Circuit,
  circuitOf,
  fails,
  Ket,
  ketOf,
  measure,
  normsOf,
  Qobj,
  throwWith,
  twice,
} from '../fixtures/qobj.js';
import { echo, give, giveArray, giveRow, parameters, square } from '../fixtures/tasks.js';
import {
  consume,
  isKnot,
  knot,
  produce,
  produceOne,
  ring,
  sameArray,
  sameList,
  samples,
  smallView,
  untie,
  verify,
  verifyShared,
} from '../fixtures/values.js';
import { timed } from '../support/deadline.js';
import { same } from '../support/same.js';
import { errorOf, inFolder, reasonBetweenRows, rowsOf, type Subject, upTo } from './subject.js';

const names = Object.keys(samples);
const expected = names.map(name => samples[name]?.());

/** How the only input of a run failed. */
async function reasonOf<E extends TaskError>(executor: Executor, task: Task, input: unknown): Promise<E> {
  const [row] = await rowsOf(
    of(input).pipe(parallelMapSettled(task as (x: unknown) => unknown, { executor })),
  );
  if (row?.status !== 'rejected') throw new Error('the task did not fail');
  return row.reason as E;
}

/** Values arrive as they left, or it is said which one does not. */
export function values({ name, make, crosses, sharesMemory, remote = false }: Subject): void {
  const values = suite(`${name}: values`);
  const it = timed(values);
  let executor: Executor;
  values.before(() => {
    executor = make({ workers: 1 });
  });
  values.after(() => executor.close());

  it('values of every kind arrive equal as results', async () => {
    for (const task of [produce, produceOne])
      for (const chunk of [1, 5, 1_000])
        same(await rowsOf(from(names).pipe(parallelMap(task, { executor, chunk }))), expected);
  });

  it('values of every kind arrive equal as inputs', async () => {
    const inputs = names.map((name): [string, unknown] => [name, samples[name]?.()]);
    for (const chunk of [1, 5, 1_000]) {
      const found = await rowsOf(from(inputs).pipe(parallelMap(verify, { executor, chunk })));
      assert.equal(
        found.filter(verdict => verdict !== 'equal'),
        [],
      );
    }
  });

  it('values of every kind arrive equal there and back', async () => {
    for (const chunk of [1, 1_000])
      same(await rowsOf(from(expected).pipe(parallelMap(echo, { executor, chunk }))), expected);
  });

  it('values of every kind arrive equal one hundred times in a row', async () => {
    for (const name of names) {
      const found = await rowsOf(
        from(new Array<string>(100).fill(name)).pipe(parallelMap(produce, { executor, chunk: 100 })),
      );
      same(
        found,
        Array.from({ length: 100 }, () => samples[name]?.()),
        name,
      );
    }
  });

  it('values of every kind arrive equal as args and kwargs', async () => {
    const shared = Object.fromEntries(names.map(name => [name, samples[name]?.()]));
    const found = await rowsOf(
      from(names).pipe(parallelMap(verifyShared, { args: [shared], kwargs: shared, executor })),
    );
    assert.equal(
      found.flat().filter(verdict => verdict !== 'equal'),
      [],
    );
  });

  it('values without a prototype arrive as plain objects', async () => {
    const bare = Object.assign(Object.create(null), { a: 1 });
    const [row] = await rowsOf(
      of(bare).pipe(parallelMap((x: { a: number }) => [x.a, x] as const, { executor })),
    );
    assert.is(row?.[0], 1);
    if (crosses) same(row?.[1], { a: 1 });
  });

  it('values keep the order of their keys', async () => {
    const inputs = [
      { b: 1, a: 2, c: 3 },
      { a: 2, b: 1, c: 3 },
      { c: 3, b: 1, a: 2 },
      { b: 1, a: 2 },
    ];
    const found = await rowsOf(from(inputs).pipe(parallelMap(x => ({ ...x, z: 0 }), { executor, chunk: 4 })));
    assert.equal(
      found.map(row => Object.keys(row).join('')),
      ['bacz', 'abcz', 'cbaz', 'baz'],
    );
  });

  it('values that hold themselves, or something twice, arrive so', async () => {
    const found = await rowsOf(range(0, 3).pipe(parallelMap(knot, { executor, chunk: 3 })));
    assert.equal(found.map(isKnot), [true, true, true]);
    const rings = await rowsOf(range(0, 3).pipe(parallelMap(ring, { executor, chunk: 3 })));
    for (const row of rings) assert.is(row[1], row);
    assert.equal(await rowsOf(of(knot(), knot()).pipe(parallelMap(untie, { executor, chunk: 2 }))), [
      true,
      true,
    ]);
    const [pair] = await rowsOf(
      of({ a: 1 }).pipe(
        parallelMap((x: { a: number }) => [x, x, [x]] as [object, object, [object]], { executor }),
      ),
    );
    assert.is(pair?.[0], pair?.[1]);
    assert.is(pair?.[0], pair?.[2][0]);
  });

  it('values are those of the moment when the task returned', async () => {
    if (!crosses) return;
    same(
      await rowsOf(range(0, 4).pipe(parallelMap(sameArray, { executor, chunk: 4 }))),
      upTo(4).map(x => Float64Array.of(x, x)),
    );
    same(
      await rowsOf(range(0, 4).pipe(parallelMap(sameList, { executor, chunk: 4 }))),
      upTo(4).map(x => ({ list: upTo(x + 1) })),
    );
  });

  it('values as results carry their view and not the buffer behind it', async () => {
    const found = await rowsOf(range(0, 3).pipe(parallelMap(smallView, { executor, chunk: 3 })));
    found.forEach(({ view }, x) => {
      same(view, Float64Array.of(x, x + 1));
      if (crosses) assert.is(view.buffer.byteLength, 16);
    });
    const [buffer] = await rowsOf(
      of(5).pipe(parallelMap(x => Buffer.from(Buffer.alloc(100_000).buffer, 8, x), { executor })),
    );
    assert.ok(Buffer.isBuffer(buffer));
    assert.is(buffer?.length, 5);
    if (sharesMemory) assert.is(buffer?.buffer.byteLength, 5);
  });

  it('values of numbers in an array of one’s own are as many as there are', async () => {
    const found = await rowsOf(
      range(0, 5).pipe(parallelMap(x => new Float64Array(x + 1).fill(x), { executor, chunk: 5 })),
    );
    same(
      found,
      upTo(5).map(x => new Float64Array(x + 1).fill(x)),
    );
    if (crosses)
      assert.equal(
        found.map(row => row.buffer.byteLength),
        [8, 16, 24, 32, 40],
      );
  });

  it('values given as inputs, args and kwargs are neither detached nor changed', async () => {
    if (!crosses) return;
    const make = () => Float64Array.from({ length: 2_000 }, (_, i) => i);
    const inputs = [make(), make(), make()];
    const sum = (1_999 * 2_000) / 2;
    assert.equal(await rowsOf(from(inputs).pipe(parallelMap(consume, { executor, chunk: 3 }))), [
      sum,
      sum,
      sum,
    ]);
    for (const input of inputs) same(input, make());

    const shared = make();
    const task = (x: number, a: Float64Array, { k }: { k: { list: Float64Array[] } }) => {
      a.fill(x);
      k.list[0]?.fill(x);
      return x;
    };
    await rowsOf(
      range(0, 3).pipe(parallelMap(task, { args: [shared], kwargs: { k: { list: [shared] } }, executor })),
    );
    same(shared, make());

    const rows = Array.from({ length: 5_000 }, (_, i) => [i, -i]);
    await rowsOf(from(rows).pipe(parallelMap(echo, { executor })));
    assert.is(rows[4_999]?.[1], -4_999);
  });

  it('values marked by transfer() arrive without the mark, and their memory is moved where it is shared', async () => {
    const found = await rowsOf(
      from(['move', 'move', 'copy', 'move'] as const).pipe(parallelMap(give, { executor, chunk: 1 })),
    );
    for (const { array } of found) {
      assert.is(Object.getPrototypeOf(array), Float64Array.prototype);
      assert.equal([array.length, array[1_999]], [2_000, 1_999]);
    }
    const left = found.map(({ before }) => before);
    assert.equal(left.slice(1), sharesMemory ? [0, 0, 2_000] : [2_000, 2_000, 2_000]);
    const [, second] = await rowsOf(range(0, 2).pipe(parallelMap(giveRow, { executor, chunk: 1 })));
    const [before, { array, list }] = second as unknown as [
      number,
      { array: Float64Array; list: [Float64Array] },
    ];
    assert.is(before, sharesMemory ? 0 : 2_000);
    assert.equal([array.length, array[5]], [2_000, 5]);
    same(list, [Float64Array.of(1, 2)]);
  });

  it('values marked by transfer() may be of any kind and size', async () => {
    const found = await rowsOf(range(0, 4).pipe(parallelMap(giveArray, { executor, chunk: 4 })));
    same(
      found,
      upTo(4).map(x => new Float64Array(x).fill(x)),
    );
    const one = Float64Array.of(1, 2);
    assert.is(
      transfer(one).length,
      2,
      'a task stays an ordinary function: called here it gives what it says',
    );
    assert.equal([transfer(5), transfer('a'), transfer(null)], [5, 'a', null]);
  });

  it('values of a registered class arrive as such, both ways', async () => {
    const found = await rowsOf(of(new Qobj(Float64Array.of(3, 4))).pipe(parallelMap(twice, { executor })));
    assert.instance(found[0], Qobj);
    assert.is(found[0]?.norm(), 10);
    const many = await rowsOf(
      from(upTo(50).map(x => new Qobj(Float64Array.of(x)))).pipe(parallelMap(twice, { executor, chunk: 20 })),
    );
    assert.equal(
      many.map(q => q.norm()),
      upTo(50).map(x => 2 * x),
    );
  });

  it('values of a registered class arrive inside others, and in args and kwargs', async () => {
    const found = await rowsOf(range(1, 3).pipe(parallelMap(circuitOf, { executor })));
    assert.equal(
      found.map(({ x, circuit }) => [x, circuit instanceof Circuit, circuit.name, circuit.norms()]),
      [1, 2, 3].map(x => [x, true, 'c', [5 * x]]),
    );
    assert.equal(await rowsOf(from(found).pipe(parallelMap(normsOf, { executor }))), [[5], [10], [15]]);
    const q = new Qobj(Float64Array.of(2));
    const shared = { args: [q], kwargs: { of: new Circuit('k', new Map([['q', q]])) } } as const;
    assert.equal(await rowsOf(of(1, 2).pipe(parallelMap(measure, { ...shared, executor }))), [
      [2, 2],
      [4, 2],
    ]);
  });

  it('values that are marked functions cross by reference, within args and kwargs', async () => {
    const kwargs = { list: [box, ramp, box], map: new Map([['ramp', ramp]]), record: { pulse: box } };
    const found = await rowsOf(
      of(1, 3).pipe(
        parallelMap(callAll as (t: number, ...shared: unknown[]) => unknown, {
          args: [box],
          kwargs,
          executor,
        }),
      ),
    );
    assert.equal(found, [
      [1, 1, 0.5, 1, 0.5, 1, true],
      [0, 0, 1.5, 0, 1.5, 0, true],
    ]);
    // Also to a function that is shipped as source.
    const shipped = (t: number, { pulse }: { pulse: (t: number) => number }) => pulse(t);
    assert.equal(
      await rowsOf(of(1).pipe(parallelMap(shipped, { kwargs: { pulse: ramp }, executor }))),
      [0.5],
    );
  });

  it('values that are marked functions cross by reference as inputs, each chunk with its own', async () => {
    for (const chunk of [1, 3])
      assert.equal(
        await rowsOf(
          from([box, ramp, box, ramp]).pipe(parallelMap(callInput, { args: [1], executor, chunk })),
        ),
        [1, 0.5, 1, 0.5],
      );
  });

  it('values that are marked functions come back as themselves, and not from another host', async () => {
    const found = await rowsOf(
      of('box' as const, 'ramp' as const).pipe(parallelMapSettled(choose as Task, { executor, chunk: 2 })),
    );
    for (const [i, pulse] of [box, ramp].entries()) {
      const row = found[i] as (typeof found)[number];
      if (remote) {
        assert.ok(row.status === 'rejected' && row.reason instanceof NotTransferableError);
        assert.match(
          row.reason.message,
          /\.pulse is the function (box|ramp) of file:.*another host; return its name/,
        );
      } else assert.is(row.status === 'fulfilled' && (row.value as { pulse: unknown }).pulse, pulse);
    }
    const error = await reasonOf(executor, throwPulse, 1);
    assert.instance(error.cause, RangeError, 'and an error arrives whatever hangs on it');
  });

  if (crosses && !remote)
    it('values that are marked functions of a module which is not loaded here are told as results', () =>
      inFolder(async folder => {
        const entry = new URL('../../lib/task/entry.js', import.meta.url).href;
        const file = join(folder, 'far.mjs');
        writeFileSync(
          file,
          `import { task } from ${JSON.stringify(entry)};
           export const far = task(import.meta, 'far', x => x); export const give = () => far;`,
        );
        const give = task({ url: pathToFileURL(file) }, 'give', (x: number): unknown => x);
        const { message } = await reasonOf<NotTransferableError>(executor, give, 1);
        assert.match(
          message,
          /the function far of file:.*far\.mjs, which is not loaded here; import that module/,
        );
      }));

  if (crosses) {
    it('values that hold a marked function which its module does not export are told, input by input', async () => {
      const found = await rowsOf(
        from([box, lost, ramp]).pipe(parallelMapSettled(callInput, { args: [1], executor, chunk: 3 })),
      );
      const reason = reasonBetweenRows(found);
      assert.instance(reason, NotTransferableError);
      assert.is((reason as NotTransferableError).what, 'input');
      assert.match(
        reason.message,
        /the function nowhere of file:.*pulses\.js, which is not found there: the module exports/,
      );
      const inArgs = await errorOf<NotTransferableError>(
        of(1).pipe(parallelMap((_t: number, pulse: unknown) => typeof pulse, { args: [lost], executor })),
      );
      assert.instance(inArgs, NotTransferableError);
      assert.match(inArgs.message, /^`args` cannot cross to a worker: .*nowhere of file:/);
      const plain = await errorOf<NotTransferableError>(
        of(1).pipe(
          parallelMap((_t: number, { f }: { f: () => void }) => typeof f, {
            kwargs: { f: () => undefined },
            executor,
          }),
        ),
      );
      assert.match(
        plain.message,
        /\.f is a function \(f\); send data, or mark it in its module with task\(import\.meta, …\)/,
      );
    });

    it('values of a class that the worker does not know are told', async () => {
      // None that has had another module's tasks.
      await using executor = make({ workers: 1 });
      const task = (q: unknown) => typeof q;
      const error = await reasonOf<NotTransferableError>(executor, task, [1, new Qobj(Float64Array.of(1))]);
      assert.instance(error, NotTransferableError);
      assert.is(error.what, 'input');
      assert.match(error.message, /an instance of Qobj.*not registered here.*task\(\)/);
      const inArgs = await errorOf<NotTransferableError>(
        of(1).pipe(
          parallelMap((_x: number, q: Qobj) => typeof q, { args: [new Qobj(Float64Array.of(1))], executor }),
        ),
      );
      assert.instance(inArgs, NotTransferableError);
      assert.is(inArgs.what, 'args');
    });

    it('values of an unregistered subclass are told', async () => {
      const error = await reasonOf<NotTransferableError>(executor, ketOf, 1);
      assert.instance(error, NotTransferableError);
      assert.equal([error.what, error.index, error.path], ['result', 0, '[1].ket']);
      assert.match(error.message, /an instance of Ket/);
      const given = await reasonOf<NotTransferableError>(executor, echo, {
        ket: new Ket(Float64Array.of(1)),
      });
      assert.equal([given.what, given.index, given.path], ['input', 0, '.ket']);
    });

    it('values whose codec throws are told, wherever it does, and the others arrive', async () => {
      const made = await rowsOf(
        from(['never', 'encode', 'decode', 'never'] as const).pipe(
          parallelMapSettled(brittle, { executor, chunk: 4 }),
        ),
      );
      assert.equal(
        made.map(row => row.status),
        ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
      );
      for (const [i, how] of [
        [1, 'encode'],
        [2, 'decode'],
      ] as const) {
        const { reason } = made[i] as Extract<(typeof made)[number], { status: 'rejected' }>;
        assert.instance(reason, NotTransferableError);
        assert.is((reason as NotTransferableError).what, 'result');
        assert.match(reason.message, new RegExp(`an instance of Brittle.*${how} broke`));
      }

      const inputs = (['never', 'encode', 'decode', 'never'] as const).map(how => new Brittle(how));
      const given = await rowsOf(from(inputs).pipe(parallelMapSettled(fails, { executor, chunk: 4 })));
      assert.equal(
        given.map(row => row.status),
        ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
      );
      for (const row of given)
        if (row.status === 'rejected') {
          assert.instance(row.reason, NotTransferableError);
          assert.match(
            row.reason.message,
            new RegExp(`an instance of Brittle.*${inputs[row.index]?.fails} broke`),
          );
        }
      assert.equal(await rowsOf(of(3).pipe(parallelMap(square, { executor }))), [9]);
    });

    it('values on a thrown error arrive with it, or the error says what could not', async () => {
      const fine = await reasonOf(executor, throwWith, 'never');
      const { message, q } = fine.cause as Error & { q: Qobj };
      assert.equal([message, q instanceof Qobj && q.norm()], ['with an instance', 5]);
      const lost = await reasonOf(executor, throwWith, 'decode');
      assert.instance(lost.cause, Error);
      assert.match((lost.cause as Error).message, /with an instance|decode broke/);
      assert.match((await reasonOf(executor, throwWith, 'encode')).message, /with an instance|encode broke/);
    });

    it('values that cannot cross as results are named, and the others arrive', async () => {
      for (const [kind, { path, says }] of Object.entries(uncrossable))
        for (const task of [makeUncrossable, promiseUncrossable]) {
          const found = await rowsOf(
            of('none', kind, 'none').pipe(parallelMapSettled(task, { executor, chunk: 3 })),
          );
          const reason = reasonBetweenRows(found, kind);
          assert.instance(reason, NotTransferableError, kind);
          const { what, index, input, path: at, message } = reason as NotTransferableError;
          assert.equal([what, index, input, at], ['result', 1, kind, path], kind);
          assert.match(message, says, kind);
          assert.match(message, /result of input .* \(index 1\)/, kind);
          assert.ok(message.length < 500, kind);
        }
    });

    it('values that cannot cross as inputs are named, and the others arrive', async () => {
      for (const [kind, { make, path, says }] of Object.entries(uncrossable))
        for (const bad of [0, 2]) {
          const inputs: unknown[] = [0, 1, 2];
          inputs[bad] = make();
          const found = await rowsOf(from(inputs).pipe(parallelMapSettled(echo, { executor, chunk: 3 })));
          assert.equal(
            found.map(row => row.status),
            upTo(3).map(i => (i === bad ? 'rejected' : 'fulfilled')),
            kind,
          );
          const { reason } = found[bad] as Extract<(typeof found)[number], { status: 'rejected' }>;
          assert.instance(reason, NotTransferableError, kind);
          const { what, index, input, path: at, message } = reason as NotTransferableError;
          assert.equal([what, index, at], ['input', bad, path], kind);
          assert.is(input, inputs[bad], kind);
          assert.match(message, says, kind);
          assert.match(message, new RegExp(`\\(index ${bad}\\)`), kind);
        }
    });

    it('values that cannot cross as args or kwargs end the run', async () => {
      for (const [kind, { make, path, says }] of Object.entries(uncrossable))
        for (const what of ['args', 'kwargs'] as const) {
          const options = what === 'args' ? { args: [1, make()] } : { kwargs: { k: make() } };
          const error = await errorOf<NotTransferableError>(
            range(0, 3).pipe(
              parallelMap(parameters as (x: unknown) => unknown, { ...options, executor } as object),
            ),
          );
          assert.instance(error, NotTransferableError, kind);
          assert.equal([error.what, error.index], [what, undefined], kind);
          assert.is(
            error.path,
            path === '' && kind.startsWith('depth') ? '' : `${what === 'args' ? '[1]' : '.k'}${path}`,
            kind,
          );
          assert.match(error.message, says, kind);
          assert.match(error.message, new RegExp(`\`${what}\``), kind);
        }
      assert.equal(await rowsOf(of(3).pipe(parallelMap(square, { executor }))), [9]);
    });

    it('values that are detached are named', async () => {
      const gone = new Float64Array(4);
      structuredClone(gone, { transfer: [gone.buffer] });
      const found = await rowsOf(of(1, { gone }, 2).pipe(parallelMapSettled(echo, { executor, chunk: 3 })));
      const reason = reasonBetweenRows(found);
      assert.instance(reason, NotTransferableError);
      assert.is((reason as NotTransferableError).path, '.gone');
      assert.match(reason.message, /detached/);
    });

    if (sharesMemory)
      it('that Node refuses to send are the failure of their own input, and neither its task nor another runs twice', async () => {
        const alone = make({ workers: 1 });
        const kinds = ['none', 'none', 'bad', 'none', 'bad', 'thrown', 'none'];
        const found = await rowsOf(
          from(kinds).pipe(parallelMapSettled(refusedByNode, { executor: alone, chunk: kinds.length })),
        );
        assert.equal(
          found.map(row => row.status === 'fulfilled' && (row.value as { calls: number }).calls),
          [1, 2, false, 4, false, false, 7],
        );
        for (const row of found)
          if (row.status === 'fulfilled') {
            const { view } = row.value as { view: Float64Array };
            assert.equal(view, new Float64Array(1000).fill(row.index + 1));
          } else if (row.index === 5) assert.match(row.reason.message, /with a port/);
          else {
            assert.instance(row.reason, NotTransferableError);
            assert.match(row.reason.message, /result of input "bad" .*cannot be sent.*MessagePort/);
          }
        await alone.close();
      });

    it('values on an error lose only what cannot cross of them', async () => {
      const task = () =>
        Object.assign(new Error('a'), {
          details: { code: 5, list: [1, () => 0, 2], url: new URL('http://a/') },
        });
      const thrown = await reasonOf(
        executor,
        () => {
          throw Object.assign(new Error('a'), { details: { code: 5, list: [1, () => 0, 2] } });
        },
        1,
      );
      const [row] = await rowsOf(of(1).pipe(parallelMap(task as () => unknown, { executor })));
      for (const error of [row, thrown.cause] as { details: { code: number; list: unknown[] } }[]) {
        assert.equal([error.details.code, error.details.list[0], error.details.list[2]], [5, 1, 2]);
        assert.match(String(error.details.list[1]), /Function/);
      }
    });

    it('values that are thrown and cannot cross are told in words', async () => {
      for (const [x, says] of [
        [1, /threw .*\[Function.*cannot cross/],
        [2, /threw Symbol\(s\)/],
        [3, /threw Promise/],
      ] as const) {
        const error = await reasonOf(executor, raiseFunction, x);
        assert.is(error.constructor, TaskError);
        assert.instance(error.cause, Error);
        assert.match((error.cause as Error).message, says);
      }
    });

    it('values of shared memory are shared where memory is, and told where it is not', async () => {
      const shared = new Int32Array(new SharedArrayBuffer(8));
      const task = (x: Int32Array) => Atomics.add(x, 0, 5);
      if (sharesMemory) {
        await rowsOf(of(shared, shared).pipe(parallelMap(task, { executor })));
        assert.is(shared[0], 10);
      } else {
        const error = await reasonOf<NotTransferableError>(executor, task, shared);
        assert.instance(error, NotTransferableError);
        assert.match(error.message, /SharedArrayBuffer.*threads\(\)/);
      }
      const blob = await rowsOf(
        of(new Blob(['text'])).pipe(parallelMapSettled(async (b: Blob) => b.text(), { executor })),
      );
      if (sharesMemory) assert.is(blob[0]?.status === 'fulfilled' && blob[0].value, 'text');
      else
        assert.match(
          blob[0]?.status === 'rejected' ? blob[0].reason.message : '',
          /a Blob, which does not cross/,
        );
    });
  } else
    it('values of any kind are the very ones, as nothing crosses', async () => {
      const inputs = [() => 1, Symbol('s'), new Ket(Float64Array.of(1)), Promise, new WeakMap()];
      const found = await rowsOf(from(inputs).pipe(parallelMap(echo, { executor })));
      assert.ok(found.every((row, i) => row === inputs[i]));
      const factor = 3;
      assert.equal(await rowsOf(range(0, 3).pipe(parallelMap(x => x * factor, { executor }))), [0, 3, 6]);
    });

  values.run();
}
