import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as errors from '../../lib/errors.js';
import { ChunkTimeoutError, ExecutorClosedError, WorkerLostError } from '../../lib/executor.js';

const { MapError, NotTransferableError, TaskError, TaskNotFoundError, TaskTimeoutError, WorkerCrashError } =
  errors;

const it = suite('errors');

const failed = { index: 3, input: 'abc' };
const whole = { index: undefined, input: undefined };

it('are all of their kind, with their name', () => {
  const all = [
    new TaskError(failed, new Error('why')),
    new TaskTimeoutError(failed, 50),
    new WorkerCrashError(failed, { exitCode: 3, reason: 'exit code 3' }),
    new NotTransferableError(failed, 'input', '.a', 'a function'),
    new TaskNotFoundError('file:///a.js', 'f', 'the module exports nothing'),
    new MapError([new TaskError(failed, 1)], 5),
    new ExecutorClosedError(),
  ];
  assert.equal(
    all.map(error => error.name),
    [
      'TaskError',
      'TaskTimeoutError',
      'WorkerCrashError',
      'NotTransferableError',
      'TaskNotFoundError',
      'MapError',
      'ExecutorClosedError',
    ],
  );
  for (const error of all) {
    assert.instance(error, Error);
    assert.match(error.stack ?? '', new RegExp(`^${error.name}: `));
  }
  for (const error of all.slice(1, 4)) assert.instance(error, TaskError);
  assert.instance(all[5], AggregateError);
});

it('have their name and code on the prototype, where the built-in errors have their name, and the code on the class', () => {
  const classes = Object.values({
    ...errors,
    ChunkTimeoutError,
    ExecutorClosedError,
    WorkerLostError,
  }).filter(
    (value): value is typeof TaskError => typeof value === 'function' && value.prototype instanceof Error,
  );
  assert.is(classes.length, 10);
  for (const Class of classes) {
    assert.is(Class.prototype.name, Class.name);
    assert.is(Class.prototype.code, Class.code);
    const words = Class.name.replace(/Error$/, '').replace(/(?<=[a-z])(?=[A-Z])/g, '_');
    assert.is(Class.code, `RX_PARFOR_${words.toUpperCase()}`);
    assert.equal(Object.keys(Class.prototype), []);
  }
});

it('of a task name the input, its index and what it threw', () => {
  const cause = new RangeError('too far');
  const error = new TaskError(failed, cause);
  assert.equal([error.index, error.input], [3, 'abc']);
  assert.is(error.cause, cause);
  assert.is(error.message, 'the task failed for input "abc" (index 3): RangeError: too far');
  for (const [thrown, says] of [
    [new TypeError(), 'TypeError'],
    ['a text', 'it threw "a text"'],
    [undefined, 'it threw undefined'],
    [null, 'it threw null'],
    [-0, 'it threw -0'],
    [5n, 'it threw 5n'],
    [{ status: 5, body: 6 }, 'it threw { status, body }'],
    [Symbol('s'), 'it threw Symbol(s)'],
  ] as const)
    assert.is(new TaskError(failed, thrown).message, `the task failed for input "abc" (index 3): ${says}`);
  assert.ok('cause' in new TaskError(failed, undefined), 'that undefined was thrown is a cause as well');
});

it('show any input in less than a line', () => {
  const shown = (input: unknown) =>
    /for input (.*) \(index 0\)/s.exec(new TaskError({ index: 0, input }, 1).message)?.[1];
  for (const [input, as] of [
    [5, '5'],
    [-0, '-0'],
    [Number.NaN, 'NaN'],
    ['a\nb', '"a\\nb"'],
    [undefined, 'undefined'],
    [10n, '10n'],
    [true, 'true'],
    [function solve() {}, 'function solve'],
    [[1, 'a', [2], { a: 1 }], '[1, "a", …, …]'],
    [[1, 2, 3, 4, 5], '[1, 2, 3, 4, …]'],
    [{ x: 1, y: 2 }, '{ x, y }'],
    [new Map(), 'a Map'],
    [new Float64Array(3), 'a Float64Array'],
    [Object.create(null), '{  }'],
  ] as const)
    assert.is(shown(input), as);
  for (const input of ['x'.repeat(1_000), Array(100).fill('y'.repeat(100)), { ['k'.repeat(500)]: 1 }])
    assert.ok((shown(input)?.length ?? 99) <= 60);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.is(shown(proxy), 'an object');
});

it('of time say whose time it was, and what to do', () => {
  const one = new TaskTimeoutError(failed, 50);
  assert.equal([one.index, one.input, one.timeout, one.cause], [3, 'abc', 50, undefined]);
  assert.match(
    one.message,
    /^the task for input "abc" \(index 3\) did not return within 50 ms; raise `taskTimeout`/,
  );
  assert.not('cause' in one);
  const run = new TaskTimeoutError(whole, 70);
  assert.is(run.index, undefined);
  assert.match(run.message, /^the run did not end within 70 ms; raise `timeout`/);
});

it('of a worker say how it ended, and what to do', () => {
  const cause = new Error('deep');
  const one = new WorkerCrashError(failed, { exitCode: 3, reason: 'exit code 3', cause });
  assert.equal([one.exitCode, one.reason, one.cause], [3, 'exit code 3', cause]);
  assert.match(
    one.message,
    /^input "abc" \(index 3\) ends its worker each time it runs \(exit code 3\); .*inline\(\).*`resourceLimits`/,
  );
  const start = new WorkerCrashError(whole, { exitCode: 9, reason: 'exit code 9' });
  assert.match(
    start.message,
    /^no worker can start \(exit code 9\); .*`execArgv`, `env` and `resourceLimits`/,
  );
});

it('of crossing say what, where and why', () => {
  for (const [what, path, says] of [
    ['input', '.a[2]', 'input "abc" (index 3) cannot cross to a worker: .a[2] is a function'],
    ['input', '', 'input "abc" (index 3) cannot cross to a worker: it is a function'],
    ['result', '[0]', 'the result of input "abc" (index 3) cannot cross to the caller: [0] is a function'],
  ] as const) {
    const error = new NotTransferableError(failed, what, path, 'a function');
    assert.equal(
      [error.what, error.path, error.why, error.index, error.message],
      [what, path, 'a function', 3, says],
    );
  }
  for (const what of ['args', 'kwargs'] as const)
    assert.is(
      new NotTransferableError(whole, what, '.k', 'a Promise').message,
      `\`${what}\` cannot cross to a worker: .k is a Promise`,
    );
});

it('of a missing task say where it was looked for', () => {
  const cause = new SyntaxError('no');
  const error = new TaskNotFoundError('file:///a.js', 'f', 'the module does not load', cause);
  assert.equal(
    [error.module, error.exportName, error.why, error.cause],
    ['file:///a.js', 'f', 'the module does not load', cause],
  );
  assert.match(
    error.message,
    /^the task f of file:\/\/\/a\.js was not found: the module does not load; .*task\(\)/,
  );
  assert.not('cause' in new TaskNotFoundError('a', 'f', 'why'));
});

it('of a run hold them all', () => {
  const all = [new TaskError(failed, new Error('first')), new TaskTimeoutError({ index: 5, input: 1 }, 10)];
  const error = new MapError(all, 20);
  assert.equal(error.errors, all);
  assert.is(error.message, `2 of 20 inputs failed; the first: ${all[0]?.message}`);
});

it('between executor and dispatcher say how a worker was lost', () => {
  const exit = { exitCode: 1, reason: 'exit code 1' };
  const lost = new WorkerLostError(exit);
  assert.equal([lost.exit, lost.atStart, lost.message], [exit, false, 'exit code 1']);
  assert.is(new WorkerLostError(exit, true).atStart, true);
  assert.instance(new ChunkTimeoutError(), Error);
  assert.match(new ExecutorClosedError().message, /the executor is closed/);
});

it('have a name and a code each, and a class that ends in Error', () => {
  const input = { index: 1, input: 1 };
  const errors = [
    new TaskError(input),
    new TaskTimeoutError(input, 5),
    new WorkerCrashError(input, { exitCode: 1, reason: '' }),
    new NotTransferableError(input, 'result', '', ''),
    new TaskNotFoundError('file:///m.js', 'f', ''),
    new MapError([], 1),
    new WorkerLostError({ exitCode: 1, reason: '' }),
    new ChunkTimeoutError(),
    new ExecutorClosedError(),
  ];
  for (const error of errors) {
    assert.match(error.name, /Error$/);
    assert.is(error.constructor.name, error.name);
    const words = error.name.replace(/Error$/, '').replace(/\B[A-Z]/g, '_$&');
    assert.is(error.code, `RX_PARFOR_${words.toUpperCase()}`);
    assert.equal(
      Object.keys(error).filter(key => key === 'name' || key === 'code'),
      [],
    );
  }
  assert.is(new Set(errors.map(({ code }) => code)).size, errors.length);
});

it('what code of the user may stand behind is read without a risk', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const fail = (): string => {
    throw new Error('no');
  };
  assert.equal(
    [errors.attempt(() => 'read', 'fallback'), errors.attempt(fail, 'fallback')],
    ['read', 'fallback'],
  );
  assert.is(errors.isInstance(proxy, Error), false);
  assert.is(errors.isInstance(new RangeError(), Error), true);
  assert.is(errors.isInstance('text', Error), false);
});

it.run();
