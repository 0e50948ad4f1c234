import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { returnsLiteral } from '../../../lib/worker/returnsLiteral.js';
import { timed } from '../../support/deadline.js';

const literals = suite('returnsLiteral');
const it = timed(literals);

const proved = (source: string): boolean => returnsLiteral(source);

it('arrows and bodies that end in an array literal are proved to return one', () => {
  for (const source of [
    'x => [x, x ** 2, x ** 3]',
    'async x => [await x]',
    '(x, y, { z = 0 }) => [x + y, x - y, z]',
    'x=>[x/2,(x+1)/3,a[x]/4,Math.sin(x)]',
    'x => [[x], [[x, 1], 2]]',
    'x => [...x]',
    'x => { const y = x / 2; return [x, y]; }',
    'x => {\n  const s = "a\\"[";\n  return [x, x]\n}',
    'function powers(x) { return [x, x * x]; }',
    'async function powers(x) { return [x, x * x] }',
    'powers(x) { return [x, x * x]; }',
    'async powers(x) { return [x, x * x]; }',
    'x => { if (x < 0) throw new RangeError("x"); return [x, [x]]; }',
    'x => { "ut" + "ter"; return[x] }',
  ])
    assert.ok(proved(source), source);
});

it('a function that may return another array is not proved to return literals', () => {
  for (const source of [
    'x => x',
    'x => (x, [x])',
    'x => x ? [x] : x.match(/a/)',
    'x => [x].concat(x)',
    'x => [x, y][0]',
    'x => [x][x]',
    'x => [x,,x]',
    'x => [, x]',
    'x => [x, , x]',
    'x => [x] && a[x]',
    'x => x ?? (y => [x])',
    'x => x || y => [x]',
    'x => x || function () { return [x] }',
    'x => { if (x) return a; return [x]; }',
    'x => { const a = [x]; a.k = 1; return a; }',
    'x => { return [x], a }',
    'x => { return [x][0] }',
    'x => { return a[0] }',
    'x => { return b, [x] }',
    'x => { const f = () => { return [x] } }',
    "x => ['a]', x]",
    'x => [`a`, x]',
    'x => [/]/, x]',
    'x => [typeof /]/, x]',
    'x => [x /* ] */, x]',
    'x => [x // ]\n, x]',
    '(x = f()) => [x]',
    'class A { constructor() { return [1] } }',
    'get a() { return [1] }',
    '[Symbol.iterator]() { return [1] }',
    'function () { [native code] }',
    '',
  ])
    assert.not(proved(source), source);
});

it('what is proved about a function made of random pieces holds for every row', async () => {
  const pieces = fc.constantFrom(
    ...['x', 'm', '1', '[', ']', ',', ' ', ';', 'return ', '{', '}', '=>', '(', ')', '?', ':', '||', 'y'],
    ...[
      '/',
      '"a"',
      'm[0]',
      '[x]',
      '[x,m]',
      'return [x]',
      '(y=>[y])',
      'function(){return [x]}',
      'if(x)',
      '\n',
    ],
  );
  const anySource = fc
    .tuple(
      fc.constantFrom('x => ', '(x) => ', 'x => {', 'function f(x) {', 'async x => {', 'x => { return '),
      fc.array(pieces, { maxLength: 9 }),
      fc.constantFrom('', '}', ' }', ']', '[x]', '[x, x] }', ' return [x, x]; }', ' => [x]'),
    )
    .map(([head, middle, tail]) => head + middle.join('') + tail);
  let proofs = 0;
  const match = 'ab'.match(/a/) as RegExpMatchArray;
  const check = (row: unknown, source: string) => {
    if (!Array.isArray(row)) return;
    proofs += 1;
    assert.is(Object.getPrototypeOf(row), Array.prototype, source);
    assert.equal(Object.keys(row), [...row.keys()].map(String), source);
  };
  /** Rows of async functions; one that is rejected and heard by nobody would end the process. */
  const later: Promise<void>[] = [];
  fc.assert(
    fc.property(anySource, source => {
      if (!proved(source)) return;
      let task: (x: unknown) => unknown;
      try {
        task = new Function('m', 'y', `return (${source}\n)`)(match, match) as typeof task;
      } catch {
        return;
      }
      for (const x of [0, 1, match]) {
        let row: unknown;
        try {
          row = task(x);
        } catch {
          continue;
        }
        if (row instanceof Promise)
          later.push(
            row.then(
              row => check(row, source),
              () => undefined,
            ),
          );
        else check(row, source);
      }
    }),
    { numRuns: 60_000 },
  );
  await Promise.all(later);
  assert.ok(proofs > 500, `${proofs} rows`);
});

literals.run();
