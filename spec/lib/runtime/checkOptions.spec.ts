import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  checkOptions,
  either,
  isPlainObject,
  milliseconds,
  ofType,
  whole,
  yesOrNo,
} from '../../../lib/runtime/checkOptions.js';

const it = suite('checkOptions');

const rules = {
  count: whole(1),
  delay: milliseconds,
  fast: yesOrNo,
  size: either(
    whole(1),
    ofType("'auto'", value => value === 'auto'),
  ),
};

/** What is thrown, in short. */
function complaint(options: unknown): string {
  try {
    checkOptions('owner', options, rules);
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'none';
}

it('lets right options pass, and those that are not given', () => {
  for (const options of [
    undefined,
    {},
    { count: 1, delay: 0.5, fast: false, size: 'auto' },
    { count: 1e6, size: 3 },
    { count: undefined, size: undefined },
    Object.create(null),
  ])
    assert.is(complaint(options), 'none');
});

it('tells a wrong type from a value out of range, with the option, what it accepts and what it got', () => {
  assert.is(complaint({ count: '1' }), 'TypeError: owner: `count` must be a whole number from 1, got "1"');
  assert.is(complaint({ count: 0 }), 'RangeError: owner: `count` must be a whole number from 1, got 0');
  assert.is(complaint({ count: 1.5 }), 'RangeError: owner: `count` must be a whole number from 1, got 1.5');
  assert.is(
    complaint({ count: Infinity }),
    'RangeError: owner: `count` must be a whole number from 1, got Infinity',
  );
  assert.is(
    complaint({ count: Number.NaN }),
    'RangeError: owner: `count` must be a whole number from 1, got NaN',
  );
  assert.is(complaint({ count: 1n }), 'TypeError: owner: `count` must be a whole number from 1, got 1');
  for (const delay of [0, -1, Infinity, Number.NaN])
    assert.is(
      complaint({ delay }),
      `RangeError: owner: \`delay\` must be milliseconds above 0, got ${delay}`,
    );
  assert.is(complaint({ fast: 1 }), 'TypeError: owner: `fast` must be true or false, got 1');
  assert.is(complaint({ fast: null }), 'TypeError: owner: `fast` must be true or false, got null');
  assert.is(
    complaint({ size: 'big' }),
    'TypeError: owner: `size` must be a whole number from 1, or \'auto\', got "big"',
  );
  assert.is(
    complaint({ size: 0 }),
    "RangeError: owner: `size` must be a whole number from 1, or 'auto', got 0",
  );
});

it('shows any value in a few words', () => {
  for (const [value, shown] of [
    [() => 1, 'a function'],
    [[1], 'an array'],
    [{}, 'an object (Object)'],
    [new Map(), 'an object (Map)'],
    [Object.create(null), 'an object (no prototype)'],
    [Symbol('s'), 'Symbol(s)'],
  ] as const)
    assert.is(complaint({ fast: value }), `TypeError: owner: \`fast\` must be true or false, got ${shown}`);
});

it('knows no other options, and names those that it knows', () => {
  assert.is(
    complaint({ conut: 1 }),
    'TypeError: owner: there is no option `conut`; the options are count, delay, fast, size',
  );
  for (const name of ['constructor', 'toString', '__proto__'])
    assert.match(complaint(JSON.parse(`{"${name}":1}`)), `there is no option \`${name}\``);
});

it('takes an object only', () => {
  for (const [options, shown] of [
    [null, 'null'],
    [5, '5'],
    ['a', '"a"'],
    [[], 'an array'],
    [() => 1, 'a function'],
  ] as const)
    assert.is(complaint(options), `TypeError: owner: the options must be an object, got ${shown}`);
});

it('knows an object from an array and from nothing', () => {
  assert.equal([{}, Object.create(null), new Map(), [], null, undefined, 'a', () => 1].map(isPlainObject), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
});

it.run();
