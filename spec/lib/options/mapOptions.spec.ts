import { Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inline } from '../../../lib/executors/inline.js';
import { processes } from '../../../lib/executors/processes.js';
import { threads } from '../../../lib/executors/threads.js';
import { CallSite } from '../../../lib/options/callSite.js';
import { type MapOptions, planOf } from '../../../lib/options/mapOptions.js';
import { progressBar } from '../../../lib/progress/progressBar.js';
import { parallelMap } from '../../../operators/parallelMap.js';
import { parallelMapSettled } from '../../../operators/parallelMapSettled.js';
import { parfor } from '../../../operators/parfor.js';
import { serialMap } from '../../../operators/serialMap.js';

const it = suite('options');

const plan = (options?: unknown) => planOf('owner', () => 1, options as MapOptions | undefined);

/** What is thrown, in short. */
function complaint(options: unknown): string {
  try {
    plan(options);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'none';
}

it('that are inherited are not read, and Infinity stands for all workers that there are', () => {
  const inherited = { chunk: 'wrong', args: [1], kwargs: { a: 1 }, spread: true, retry: 3, delay: 5 };
  const root = Object.prototype as Record<string, unknown>;
  try {
    Object.assign(root, inherited);
    const { chunk, args, kwargs, spread, retry } = planOf('owner', () => 0, { retry: { count: 2 } });
    assert.equal(
      [chunk, args, kwargs, spread, retry.count, retry.delay],
      ['auto', [], undefined, false, 2, 0],
    );
  } finally {
    for (const name of Object.keys(inherited)) delete root[name];
  }
  assert.is(planOf('owner', () => 0, { concurrency: Infinity }).concurrency, undefined);
});

it('have the documented defaults', () => {
  const { calledAt, ...rest } = plan();
  assert.instance(calledAt, CallSite);
  assert.equal(rest, {
    args: [],
    kwargs: undefined,
    spread: false,
    ordered: true,
    concurrency: undefined,
    chunk: 'auto',
    executor: undefined,
    progress: undefined,
    failures: 'end the run',
    retry: { count: 0, delay: 0 },
    taskTimeout: undefined,
    timeout: undefined,
    maxBuffered: undefined,
  });
  const { calledAt: _, ...undefinedOnes } = plan({ args: undefined, retry: undefined, progress: undefined });
  assert.equal(undefinedOnes, rest);
});

it('are taken as they are given', () => {
  const executor = inline();
  const progress = new Subject();
  const given = {
    args: [1],
    kwargs: { a: 1 },
    spread: true,
    ordered: false,
    concurrency: 3,
    chunk: 5,
    executor,
    taskTimeout: 10,
    timeout: 20,
    maxBuffered: 7,
  };
  const {
    failures,
    retry,
    progress: observer,
    ...rest
  } = plan({ ...given, progress, failFast: false, retry: 2 });
  assert.equal([failures, retry], ['collect', { count: 2, delay: 0 }]);
  assert.is(observer?.(), progress);
  for (const [name, value] of Object.entries(given)) assert.is(rest[name as keyof typeof rest], value, name);
  assert.equal(plan({ retry: { count: 1 } }).retry, { count: 1, delay: 0 });
  assert.equal(plan({ retry: { count: 1, delay: 2.5 } }).retry, { count: 1, delay: 2.5 });
  assert.equal(plan({ retry: { count: 1, delay: undefined } }).retry, { count: 1, delay: 0 });
  for (const observer of [{ next: () => 1 }, { complete: () => 1 }, progress])
    assert.is(plan({ progress: observer }).progress?.(), observer);
  assert.is(plan({ progress: false }).progress, undefined);
  const next = () => undefined;
  assert.equal(plan({ progress: next }).progress?.(), { next }, 'a function is an observer of values');
  const [one, other] = [plan({ progress: true }).progress?.(), plan({ progress: true }).progress?.()];
  assert.ok(one?.next && one !== other, 'each run has a bar of its own');
});

it('take a function as the `next` of a progress observer', () => {
  const notes: unknown[] = [];
  const observer = plan({ progress: (note: unknown) => notes.push(note) }).progress?.();
  observer?.next?.({ completed: 1, failed: 0, running: 0, elapsed: 0, rate: 0 });
  assert.is(notes.length, 1);
  assert.is(observer?.complete, undefined);
});

it('that are wrong are told with the option, what it accepts and what it got', () => {
  for (const [options, says] of [
    [{ args: 5 }, 'TypeError: owner: `args` must be an array, got 5'],
    [{ kwargs: [] }, 'TypeError: owner: `kwargs` must be an object, got an array'],
    [{ kwargs: null }, 'TypeError: owner: `kwargs` must be an object, got null'],
    [{ spread: 1 }, 'TypeError: owner: `spread` must be true or false, got 1'],
    [{ ordered: 'no' }, 'TypeError: owner: `ordered` must be true or false, got "no"'],
    [
      { concurrency: 0 },
      'RangeError: owner: `concurrency` must be a whole number from 1, or Infinity, got 0',
    ],
    [
      { concurrency: '4' },
      'TypeError: owner: `concurrency` must be a whole number from 1, or Infinity, got "4"',
    ],
    [{ chunk: 'large' }, 'TypeError: owner: `chunk` must be \'auto\', or a whole number from 1, got "large"'],
    [{ chunk: -1 }, "RangeError: owner: `chunk` must be 'auto', or a whole number from 1, got -1"],
    [
      { executor: {} },
      'TypeError: owner: `executor` must be an executor: threads(), processes(), inline() or one of your own, got an object (Object)',
    ],
    [
      { executor: threads },
      'TypeError: owner: `executor` must be an executor: threads(), processes(), inline() or one of your own, got a function',
    ],
    [
      { progress: 'bar' },
      'TypeError: owner: `progress` must be true or false, or an observer, such as progressBar(), or a function, got "bar"',
    ],
    [
      { progress: {} },
      'TypeError: owner: `progress` must be true or false, or an observer, such as progressBar(), or a function, got an object (Object)',
    ],
    [{ progress: progressBar }, 'TypeError: owner: `progress` is progressBar itself; call it: progressBar()'],
    [{ failFast: 0 }, 'TypeError: owner: `failFast` must be true or false, got 0'],
    [
      { retry: -1 },
      'RangeError: owner: `retry` must be a whole number from 0, or { count, delay }, both from 0, got -1',
    ],
    [
      { retry: { count: 1, times: 2 } },
      'TypeError: owner: `retry` must be a whole number from 0, or { count, delay }, both from 0, got an object (Object)',
    ],
    [
      { retry: { count: 1, delay: -1 } },
      'RangeError: owner: `retry` must be a whole number from 0, or { count, delay }, both from 0, got an object (Object)',
    ],
    [
      { retry: { count: 0.5 } },
      'RangeError: owner: `retry` must be a whole number from 0, or { count, delay }, both from 0, got an object (Object)',
    ],
    [
      { retry: { delay: 5 } },
      'TypeError: owner: `retry` must be a whole number from 0, or { count, delay }, both from 0, got an object (Object)',
    ],
    [
      { retry: { count: 1, delay: '1' } },
      'TypeError: owner: `retry` must be a whole number from 0, or { count, delay }, both from 0, got an object (Object)',
    ],
    [{ taskTimeout: 0 }, 'RangeError: owner: `taskTimeout` must be milliseconds above 0, got 0'],
    [{ timeout: Number.NaN }, 'RangeError: owner: `timeout` must be milliseconds above 0, got NaN'],
    [{ timeout: '1s' }, 'TypeError: owner: `timeout` must be milliseconds above 0, got "1s"'],
    [{ maxBuffered: 0 }, 'RangeError: owner: `maxBuffered` must be a whole number from 1, got 0'],
  ] as const)
    assert.is(complaint(options), says);
  assert.match(
    complaint({ concurrrency: 2 }),
    /^TypeError: owner: there is no option `concurrrency`; the options are args, kwargs, spread, ordered, concurrency, chunk, executor, progress, failFast, retry, taskTimeout, timeout, maxBuffered$/,
  );
  assert.match(complaint(4), /owner: the options must be an object, got 4/);
});

it('are checked when the operator is called, and so is the task', () => {
  const wrong = { concurrency: 0 };
  const task = (x: number) => x;
  for (const [name, call] of [
    ['parallelMap', () => parallelMap(task, wrong)],
    ['parallelMapSettled', () => parallelMapSettled(task, wrong)],
    ['parfor', () => parfor(task, wrong)],
    ['serialMap', () => serialMap(task, wrong)],
  ] as const)
    assert.throws(
      call,
      (error: Error) => error instanceof RangeError && error.message.startsWith(`${name}: \`concurrency\``),
    );
  for (const bad of [undefined, null, 5, 'x => x', {}])
    assert.throws(
      () => parallelMap(bad as unknown as typeof task),
      (error: Error) =>
        error instanceof TypeError &&
        error.message ===
          `parallelMap: the task must be a function, got ${bad === null ? 'null' : typeof bad}`,
    );
  assert.throws(
    () => parallelMapSettled(task, { failFast: true } as object),
    /parallelMapSettled: `failFast` cannot be true/,
  );
});

it('of the executors are checked too', () => {
  for (const [call, says] of [
    [
      () => threads({ maxThreads: 0 }),
      /RangeError: threads: `maxThreads` must be a whole number from 1, got 0/,
    ],
    [
      () => threads({ idleTimeout: -1 }),
      /RangeError: threads: `idleTimeout` must be a whole number from 0, or Infinity, got -1/,
    ],
    [() => threads({ env: 5 } as object), /TypeError: threads: `env` must be an object of strings, got 5/],
    [
      () => threads({ execArgv: '--x' } as object),
      /TypeError: threads: `execArgv` must be an array of strings, got "--x"/,
    ],
    [
      () => threads({ minThreads: 1 } as object),
      /TypeError: threads: there is no option `minThreads`; the options are maxThreads/,
    ],
    [
      () => processes({ resourceLimits: { stackSizeMb: 1 } } as object),
      /TypeError: processes: `resourceLimits`.*maxOldGenerationSizeMb/,
    ],
    [() => processes({ maxThreads: 1.5 }), /RangeError: processes: `maxThreads`/],
    [
      () => inline({ concurrency: 0 }),
      /RangeError: inline: `concurrency` must be a whole number from 1, or Infinity, got 0/,
    ],
    [
      () => inline({ maxThreads: 1 } as object),
      /TypeError: inline: there is no option `maxThreads`; the options are concurrency/,
    ],
  ] as const)
    assert.throws(call, (error: Error) => says.test(`${error.name}: ${error.message}`));
  assert.is(inline({ concurrency: Infinity }).parallelism, Infinity);
  assert.is(inline().parallelism, 1);
});

it.run();
