import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shippedFunction } from '../../../lib/worker/shippedFunction.js';

const it = suite('shippedFunction');

const made = (source: string) => shippedFunction({ name: 'f', source }) as (...all: unknown[]) => unknown;

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

it.run();
