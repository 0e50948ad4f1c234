import { from, of, range, take } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotTransferableError, TaskError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import { sweep } from '../../lib/sources/sweep.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { parfor } from '../../operators/parfor.js';
import { sleep, timed, within } from '../support/deadline.js';
import { errorOf, rowsOf, type Subject, upTo } from './subject.js';

/** Tasks that do what nobody expects of them cost themselves, and no run beside or after theirs. */
export function hostile({ name, make, crosses, sharesMemory, remote, processes }: Subject): void {
  const tasks = suite(`${name}: hostile tasks`);
  const it = timed(tasks, 30);
  /** Runs with one worker of its own, as it may not be of use to others afterwards. */
  const withWorker = async (body: (executor: Executor) => Promise<void>) => {
    const executor = make({ workers: 1 });
    try {
      await body(executor);
    } finally {
      await within(5, executor.close());
    }
  };
  const square = (x: number) => x * x;
  const isWell = async (executor: Executor) =>
    assert.equal(
      await within(8, rowsOf(range(0, 5).pipe(parallelMap(square, { executor })))),
      [0, 1, 4, 9, 16],
    );

  it('tasks that throw what cannot be read are failures of their input, sync and async', () =>
    withWorker(async executor => {
      const raise = (kind: string) => {
        if (kind === 'message') {
          throw new (class extends Error {
            override get message(): string {
              throw new TypeError('no message');
            }
          })();
        }
        if (kind === 'rejected') return Promise.reject(Object.assign(new Error('m'), { name: Symbol('s') }));
        if (kind === 'revoked') {
          const { proxy, revoke } = Proxy.revocable({}, {});
          revoke();
          throw proxy;
        }
        if (kind === 'no text') throw Object.assign(new Error('m'), { message: Object.create(null) });
        throw {
          [Symbol.for('nodejs.util.inspect.custom')]() {
            throw new Error('no inspection');
          },
        };
      };
      const kinds = ['message', 'rejected', 'revoked', 'no text', 'inspection'];
      for (const chunk of [1, 5]) {
        const rows = await rowsOf(from(kinds).pipe(parallelMapSettled(raise, { executor, chunk })));
        for (const [i, row] of rows.entries()) {
          assert.is(row.status === 'rejected' && row.reason.constructor, TaskError, kinds[i]);
          assert.is(row.index, i);
          assert.type(row.status === 'rejected' && row.reason.message, 'string');
        }
      }
      await isWell(executor);
    }));

  it('tasks that throw an error of a megabyte are told in a message that can be read', async () =>
    withWorker(async executor => {
      const error = await errorOf<TaskError>(
        of(1).pipe(
          parallelMap(
            () => {
              throw new Error('x'.repeat(1e6));
            },
            { executor },
          ),
        ),
      );
      assert.ok(error.message.length < 3_000, `${error.message.length} characters`);
      assert.is((error.cause as Error).message.length, 1e6);
    }));

  it('tasks that fail before a row of another shape leave its index as it is', () =>
    withWorker(async executor => {
      const task = (x: number) => {
        if (x < 4) throw new Error('x');
        return x === 7 ? [x] : x;
      };
      for (const chunk of [1, 3, 10]) {
        const error = await errorOf(range(0, 10).pipe(parfor(task, { executor, chunk, failFast: false })));
        assert.match(error.message, /the row at index 7 is/, `chunk ${chunk}`);
      }
    }));

  if (crosses && !remote) {
    it('tasks with chains of causes of any length are failures, rows and inputs, and end neither worker nor program', () =>
      withWorker(async executor => {
        const chain = (length: number): Error => {
          let error = new Error('0');
          for (let i = 1; i < length; i++) error = new Error(`${i}`, { cause: error });
          return error;
        };
        const make = (length: number, how: string) => {
          let error = new Error('0');
          for (let i = 1; i < length; i++) error = new Error(`${i}`, { cause: error });
          if (how === 'throw') throw error;
          return error;
        };
        for (const length of [200, 900, 5_000]) {
          const [thrown] = await within(
            10,
            rowsOf(of([length, 'throw'] as const).pipe(parallelMapSettled(make, { executor, spread: true }))),
          );
          assert.is(thrown?.status === 'rejected' && (thrown.reason.cause as Error).message, `${length - 1}`);
          const [row] = await within(
            10,
            rowsOf(of([length, 'return'] as const).pipe(parallelMap(make, { executor, spread: true }))),
          );
          assert.is(row?.message, `${length - 1}`);
          const messageOf = (error: Error) => error.message;
          assert.equal(
            await within(10, rowsOf(of(chain(length)).pipe(parallelMap(messageOf, { executor })))),
            [`${length - 1}`],
          );
        }
      }));

    it('tasks with sparse arrays of any length have them at once', () =>
      withWorker(async executor => {
        const make = (length: number) => {
          const array: unknown[] = [];
          array[length - 1] = { last: true };
          return array;
        };
        for (const length of [100, 2e8, 2 ** 32 - 1]) {
          const [array = []] = await within(5, rowsOf(of(length).pipe(parallelMap(make, { executor }))));
          assert.equal([array.length, Object.keys(array)], [length, [`${length - 1}`]]);
          const keys = (input: unknown[]) => [input.length, Object.keys(input).length];
          assert.equal(await within(5, rowsOf(of(array).pipe(parallelMap(keys, { executor })))), [
            [length, 1],
          ]);
        }
      }));

    it('tasks whose rows hold an object twice, once where it may become a text, have no half of it', () =>
      withWorker(async executor => {
        const half = () => {
          const context = { id: 1, f() {}, after: 2 };
          return { error: Object.assign(new Error('x'), { context }), context };
        };
        const error = await errorOf<NotTransferableError>(of(1).pipe(parallelMap(half, { executor })));
        assert.is(error.path, '.context.f');
        const owned = () => {
          const row: { n: number; error: Error & { owner?: unknown } } = { n: 1, error: new Error('x') };
          row.error.owner = row;
          return row;
        };
        const [row] = await rowsOf(of(1).pipe(parallelMap(owned, { executor })));
        assert.is(row?.error.owner, row);
      }));

    it('tasks whose values are a subclass or a built-in in disguise are told so', () =>
      withWorker(async executor => {
        const make = (kind: string): unknown => {
          // biome-ignore lint/suspicious/noShadowRestrictedNames: the name is what this is about
          if (kind === 'same name') return new (class Float64Array extends globalThis.Float64Array {})(2);
          if (kind === 'shared')
            return new (class Int8s extends Int8Array<SharedArrayBuffer> {})(new SharedArrayBuffer(2));
          if (kind === 'arguments')
            return (function () {
              // biome-ignore lint/complexity/noArguments: it is what this is about
              return arguments;
            })();
          if (kind === 'date') return Object.setPrototypeOf(new Date(0), Object.prototype);
          if (kind === 'map') return Object.setPrototypeOf(new Map([[1, 2]]), null);
          if (kind === 'property') return Object.assign(new Map([[1, 2]]), { further: 1 });
          return 0;
        };
        const kinds = ['same name', 'shared', 'arguments', 'date', 'map', 'property'];
        const rows = await rowsOf(
          from([...kinds, 'none']).pipe(parallelMapSettled(make, { executor, chunk: 7 })),
        );
        for (const [i, kind] of kinds.entries()) {
          const row = rows[i];
          assert.instance(row?.status === 'rejected' && row.reason, NotTransferableError, kind);
        }
        assert.is(rows.at(-1)?.status, 'fulfilled');
      }));

    it('tasks whose inputs and rows are Buffers see their own bytes and no others', () =>
      withWorker(async executor => {
        const sizes = (bytes: Buffer) => [Buffer.isBuffer(bytes), bytes.buffer.byteLength, [...bytes]];
        const inputs = [1, 2, 3].map(i => Buffer.alloc(16, i));
        const rows = await rowsOf(from(inputs).pipe(parallelMap(sizes, { executor, chunk: 3 })));
        assert.equal(
          rows,
          [1, 2, 3].map(i => [true, 16, new Array(16).fill(i)]),
        );
        const bytes = await rowsOf(
          range(1, 3).pipe(parallelMap(i => Buffer.alloc(16, i), { executor, chunk: 3 })),
        );
        assert.equal(bytes.map(sizes), rows);
        if (!sharesMemory) return;
        const shared = () => Buffer.from(new SharedArrayBuffer(4));
        const [row] = await rowsOf(of(1).pipe(parallelMap(shared, { executor })));
        assert.ok(Buffer.isBuffer(row) && row.buffer instanceof SharedArrayBuffer);
      }));

    it('tasks that pollute Object.prototype have their inputs, and so does the next run', async () => {
      const pollute = (x: { v: number }) => {
        Object.assign(Object.prototype, { tag: {}, own: true, definition: {}, chunk: {}, kind: 'end' });
        return { w: x.v };
      };
      await withWorker(async executor => {
        const inputs = [0, 1, 2].map(v => ({ v }));
        assert.equal(await rowsOf(from(inputs).pipe(parallelMap(pollute, { executor, chunk: 1 }))), [
          { w: 0 },
          { w: 1 },
          { w: 2 },
        ]);
        await isWell(executor);
      });
    });

    it('tasks that throw under a stack that cannot be read have failed, also for want of a variable', () =>
      withWorker(async executor => {
        const task = (x: number) => {
          Error.prepareStackTrace = () => {
            throw new Error('no stack');
          };
          // @ts-expect-error: it is not there
          return x === 1 ? missingVariable : x;
        };
        const rows = await rowsOf(range(0, 3).pipe(parallelMapSettled(task, { executor, chunk: 3 })));
        assert.equal(
          rows.map(row => (row.status === 'fulfilled' ? row.value : row.reason.constructor)),
          [0, TaskError, 2],
        );
      }));

    it('tasks whose values have names of a megabyte are told in a message that can be read', () =>
      withWorker(async executor => {
        const make = (kind: string) =>
          kind === 'key'
            ? { ['k'.repeat(1e6)]: () => 1 }
            : Object.defineProperty(() => 1, 'name', { value: 'f'.repeat(1e6) });
        for (const kind of ['key', 'name']) {
          const error = await errorOf(
            of(kind).pipe(parallelMap(make as (x: string) => unknown, { executor })),
          );
          assert.instance(error, NotTransferableError);
          assert.ok(error.message.length < 3_000, `${error.message.length} characters`);
        }
      }));

    it('tasks that replace what their worker needs keep neither their run nor the next from its rows', async () => {
      const replace = (what: string) => {
        const scope = globalThis as unknown as Record<string, unknown>;
        if (what === 'setImmediate' || what === 'setTimeout') scope[what] = () => 0;
        if (what === 'performance.now') performance.now = () => Number.NaN;
        if (what === 'Atomics') Object.assign(Atomics, { load: () => 2, compareExchange: () => 2 });
        if (what === 'structuredClone') scope[what] = () => ({});
        if (what === 'process') scope[what] = { env: {} };
        if (what === 'process.send') Object.assign(process, { send: undefined });
        if (what === 'process.exit') Object.assign(process, { exit: () => undefined });
        if (what === 'listeners') process.removeAllListeners();
        return what;
      };
      for (const what of [
        'setImmediate',
        'setTimeout',
        'performance.now',
        'Atomics',
        'structuredClone',
        'process',
        'process.send',
        'process.exit',
        'listeners',
      ])
        await withWorker(async executor => {
          assert.equal(await within(8, rowsOf(of(what).pipe(parallelMap(replace, { executor })))), [what]);
          await isWell(executor);
        });
    }, 60);

    it('tasks that leave a loop behind are replaced with their worker, and blame nobody', async () => {
      const leaveLoop = (x: number) => {
        if (x === 0)
          setTimeout(() => {
            for (;;);
          }, 1);
        for (const end = performance.now() + 2; performance.now() < end; );
        return x;
      };
      await withWorker(async executor => {
        const rows = await rowsOf(range(0, 40).pipe(parallelMapSettled(leaveLoop, { executor, chunk: 5 })));
        assert.equal(
          rows.map(row => row.status === 'fulfilled' && row.value),
          upTo(40),
        );
      });
      await withWorker(async executor => {
        const idle = (x: number) => {
          setTimeout(() => {
            for (;;);
          }, 5);
          return x;
        };
        assert.equal(await rowsOf(of(1).pipe(parallelMap(idle, { executor }))), [1]);
        await sleep(60);
        await isWell(executor);
      });
    });

    it('tasks that return the same resizable buffer each time have each row as it was', () =>
      withWorker(async executor => {
        const fill = (x: number) => {
          const scope = globalThis as { buffer?: ArrayBuffer };
          const Resizable = ArrayBuffer as new (length: number, options: object) => ArrayBuffer;
          scope.buffer ??= new Resizable(8, { maxByteLength: 16 });
          new Float64Array(scope.buffer)[0] = x;
          return scope.buffer;
        };
        const rows = await rowsOf(range(1, 6).pipe(parallelMap(fill, { executor, chunk: 6 })));
        assert.equal(
          rows.map(buffer => new Float64Array(buffer)[0]),
          [1, 2, 3, 4, 5, 6],
        );
      }));

    it('tasks that return after their taskTimeout have failed, and cost neither their worker nor what is beside them', () =>
      withWorker(async executor => {
        const slow = (x: number) => {
          for (const end = performance.now() + (x === 2 ? 63 : 1); performance.now() < end; );
          const scope = globalThis as { id?: number };
          scope.id ??= Math.random();
          return scope.id;
        };
        const rows = await rowsOf(
          range(0, 6).pipe(parallelMapSettled(slow, { executor, chunk: 6, taskTimeout: 60 })),
        );
        assert.equal(
          rows.flatMap(row => (row.status === 'rejected' ? [`${row.index} ${row.reason.name}`] : [])),
          ['2 TaskTimeoutError'],
        );
      }));

    it('tasks that are quick leave their worker to the next run, though the subscriber was busy when it let go', () =>
      withWorker(async executor => {
        const seen = new Set<number>();
        const who = () => {
          const scope = globalThis as { id?: number };
          scope.id ??= Math.random();
          return scope.id;
        };
        for (let i = 0; i < 6; i++) {
          for (const id of await rowsOf(range(0, 50_000).pipe(parallelMap(who, { executor }), take(5))))
            seen.add(id);
          for (const end = performance.now() + 40; performance.now() < end; );
          await sleep(40);
        }
        assert.is(seen.size, 1);
      }));

    it('tasks of a run with hundreds of chunks let another run have its turn', () =>
      withWorker(async executor => {
        const spin = (x: number) => {
          for (const end = performance.now() + 5; performance.now() < end; );
          return x;
        };
        let before = 0;
        const long = range(0, 500)
          .pipe(parallelMap(spin, { executor, concurrency: 400, chunk: 1 }))
          .subscribe(() => {
            before += 1;
          });
        await rowsOf(of(1).pipe(parallelMap(square, { executor })));
        const waited = before;
        long.unsubscribe();
        assert.ok(waited < 100, `${waited} rows of the other run came first`);
      }));

    it('tasks that return and end their worker at once neither run again nor leave a dead worker to the next run', () =>
      withWorker(async executor => {
        for (let i = 0; i < 12; i++) {
          const exit = (x: number) => {
            queueMicrotask(() => process.exit());
            return x;
          };
          // What it returned may have been lost with the worker, and then its input is held to be the cause.
          await rowsOf(of(1).pipe(parallelMapSettled(exit, { executor })));
          await isWell(executor);
        }
      }));

    if (processes)
      it('that stop their process are late, and it is ended all the same', () =>
        withWorker(async executor => {
          const stop = (x: number) => {
            if (x === 1) process.kill(process.pid, 'SIGSTOP');
            return x;
          };
          const rows = await within(
            10,
            rowsOf(range(0, 3).pipe(parallelMapSettled(stop, { executor, taskTimeout: 300, chunk: 1 }))),
          );
          assert.is(rows.length, 3);
          assert.ok(rows[0]?.status === 'fulfilled' && rows[2]?.status === 'fulfilled');
          await isWell(executor);
        }));

    if (!processes)
      it('that send messages by parentPort keep their worker', () =>
        withWorker(async executor => {
          const send = async (x: number) => {
            const { parentPort, threadId } = await import('node:worker_threads');
            parentPort?.postMessage(null);
            parentPort?.postMessage({ of: x });
            return threadId;
          };
          const ids = await rowsOf(range(0, 4).pipe(parallelMap(send, { executor, chunk: 1 })));
          await sleep(20);
          ids.push(...(await rowsOf(of(4).pipe(parallelMap(send, { executor })))));
          assert.is(new Set(ids).size, 1);
        }));

    it(
      'tasks that return a row which takes longer to encode than the task had, or take such an input, are not late',
      () =>
        withWorker(async executor => {
          const prebuilt = (x: number) => {
            const scope = globalThis as { rows?: object[] };
            if (x === 0) scope.rows = Array.from({ length: 300_000 }, (_, i) => ({ i, s: `x${i}` }));
            return x === 0 ? 0 : scope.rows?.length ? scope.rows : 0;
          };
          await rowsOf(of(0).pipe(parallelMap(prebuilt, { executor })));
          const [row] = await within(
            20,
            rowsOf(of(1).pipe(parallelMap(prebuilt, { executor, taskTimeout: 40 }))),
          );
          assert.is((row as object[]).length, 300_000);
          const input = [
            new Error('encoded'),
            Array.from({ length: 300_000 }, (_, i) => ({ i, s: `x${i}` })),
          ];
          const count = (pair: unknown[]) => (pair[1] as object[]).length;
          assert.equal(
            await within(20, rowsOf(of(input).pipe(parallelMap(count, { executor, taskTimeout: 40 })))),
            [300_000],
          );
        }),
      60,
    );

    it('tasks that never end and were cancelled keep their worker no longer for what it said before', () =>
      withWorker(async executor => {
        const task = (x: number) => {
          if (x === 1) for (;;);
          for (const end = performance.now() + (x === 0 ? 6 : 0); performance.now() < end; );
          return `${x}`;
        };
        await rowsOf(of(2).pipe(parallelMap(task, { executor })));
        const subscription = sweep([0, 1])
          .pipe(parallelMap(task, { executor, chunk: 2, taskTimeout: 5_000 }))
          .subscribe();
        await sleep(3);
        // The worker's words lie there unheard when the run is given up.
        for (const end = performance.now() + 60; performance.now() < end; );
        subscription.unsubscribe();
        assert.equal(await within(2, rowsOf(of(2).pipe(parallelMap(task, { executor })))), ['2']);
      }));
  }

  tasks.run();
}
