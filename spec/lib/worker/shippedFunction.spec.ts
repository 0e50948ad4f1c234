import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { explainFreeVariable, shippedFunction } from '../../../lib/worker/shippedFunction.js';

const it = suite('shippedFunction');

const made = (source: string) => shippedFunction('f', source) as (...all: unknown[]) => unknown;

it('a function is made again of what toString gave for it', async () => {
  for (const [source, given, expected] of [
    ['x => x + 1', [1], 2],
    ['(x, y) => ({ x, y })', [1, 2], { x: 1, y: 2 }],
    ['({ a: [b] }, ...rest) => [b, rest]', [{ a: [1] }, 2], [1, [2]]],
    ['function (x) { return x + 2; }', [1], 3],
    ['function f(x) { return x > 3 ? x : f(x + 1); }', [1], 4],
    ['function anonymous(x\n) {\nreturn x + 3\n}', [1], 4],
    ['x => x + 4 // the end', [1], 5],
    ['x => x + 5 /* the end */', [1], 6],
    ['plain(x) { return x + 6; }', [1], 7],
    ['get(x) { return x + 7; }', [1], 8],
    ['async(x) { return x + 8; }', [1], 9],
    ['class(x) { return x + 9; }', [1], 10],
    ['if(x) { return x + 10; }', [1], 11],
    ["'odd name'(x) { return x + 11; }", [1], 12],
    ['7(x) { return x + 12; }', [1], 13],
    ['__proto__(x) { return x + 13; }', [1], 14],
  ] as const)
    assert.equal(made(source)(...given), expected, source);
  for (const source of [
    'async x => x + 1',
    'async function (x) { return x + 1; }',
    'async later(x) { return x + 1; }',
  ])
    assert.is(await made(source)(1), 2, source);
  const steps = made('*steps(x) { yield x; }')(1) as Generator<number>;
  assert.equal([...steps], [1]);
});

it('a shipped function runs in strict mode, as modules do', () => {
  assert.is(made('function () { return this; }')(), undefined);
  assert.throws(() => made('() => { nowhere = 1; }')(), /nowhere is not defined/);
});

it('a shipped function sees globals, and imports', async () => {
  assert.is(made('x => Math.sqrt(x)')(9), 3);
  const { sep } = (await made("() => import('node:path')")()) as typeof import('node:path');
  assert.type(sep, 'string');
});

it('a shipped function has what compilers put in', () => {
  assert.is(made("x => { const g = __name(y => y + 1, 'g'); return g(x); }")(1), 2);
  const counted = `x => {
    cov_1a2b3c().f[0]++; cov_1a2b3c().s[12]++;
    return x > 0 ? (cov_1a2b3c().b[0][1]++, x + 1) : 0;
  }`;
  assert.is(made(counted)(1), 2);
});

it('a variable of the user’s own is never made up, whatever its name', () => {
  for (const source of ['x => cov_matrix', 'x => cov_matrix[0][1]', 'x => cov_xy() * x', 'x => cov_f().a'])
    assert.throws(() => made(source)(1), /is not defined/, source);
  assert.is(made('x => { const cov_a = 5; return cov_a + x; }')(1), 6);
});

it('a source that is none is refused with what to do', () => {
  for (const source of [
    '#hidden(x) { return x; }',
    'x => {',
    'get five() { return 5; }',
    '[outer](x) { return x; }',
    'not a function',
  ])
    assert.throws(
      () => made(source),
      (error: Error) =>
        error instanceof TypeError &&
        /^the task f cannot be made again from its source; .*task\(\)$/.test(error.message) &&
        error.cause instanceof SyntaxError,
    );
});

it('an error about a variable that stayed behind is explained', () => {
  const run = made('x => x * outer');
  try {
    run(1);
    assert.unreachable();
  } catch (error) {
    const explained = explainFreeVariable(error) as ReferenceError;
    assert.instance(explained, ReferenceError);
    assert.is(explained.cause, error);
    assert.match(
      explained.message,
      /^outer is not defined where the task runs: a plain function is shipped to a worker as its source, without the variables around it\. Pass outer through `args` or `kwargs`, or export the task from a module with task\(import\.meta, …\), or run it on inline\(\)\.$/,
    );
    assert.match(
      explained.stack ?? '',
      /^ReferenceError: outer is not defined where the task runs.*\n {4}at /,
    );
  }
  assert.match(
    (explainFreeVariable(new ReferenceError('require is not defined')) as Error).message,
    /Use `await import\('…'\)` inside the task/,
  );
  assert.match(
    (explainFreeVariable(new ReferenceError('__awaiter is not defined')) as Error).message,
    /compile for ES2018/,
  );
});

it('every other error is left alone', () => {
  for (const error of [
    new TypeError('x is not defined'),
    new ReferenceError("Cannot access 'x' before initialization"),
    'x is not defined',
    undefined,
  ])
    assert.is(explainFreeVariable(error), error);
});

it('an error whose parts cannot be read is explained as far as they can', () => {
  const fail = {
    get() {
      throw new Error('no');
    },
  };
  const [noStack, noMessage] = [new ReferenceError('x is not defined'), new ReferenceError()];
  Object.defineProperty(noStack, 'stack', fail);
  Object.defineProperty(noMessage, 'message', fail);
  assert.match((explainFreeVariable(noStack) as Error).message, /Pass x through `args`/);
  assert.is(explainFreeVariable(noMessage), noMessage);
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.is(explainFreeVariable(proxy), proxy);
});

it.run();
