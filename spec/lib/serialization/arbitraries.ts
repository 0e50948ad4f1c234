import fc from 'fast-check';

// The counterexample alone does not say what was wrong with it.
fc.configureGlobal({ includeErrorInReport: true });

/** Any number, the odd ones often. */
export const anyNumber: fc.Arbitrary<number> = fc.oneof(
  { weight: 3, arbitrary: fc.integer() },
  { weight: 2, arbitrary: fc.double() },
  {
    weight: 2,
    arbitrary: fc.constantFrom(-0, 0, Number.NaN, Infinity, -Infinity, Number.MIN_VALUE, 2 ** 53),
  },
);

/** A name that a property may have, the odd ones often. */
export const anyKey: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    'x',
    'y',
    'a',
    'b',
    '0',
    '1',
    '-1',
    '01',
    '__proto__',
    'constructor',
    'then',
    'tag',
    'kind',
    'length',
    '',
  ),
  fc.string({ maxLength: 4 }),
);

/** Sets own properties, `__proto__` too. */
export function recordOf(
  entries: readonly (readonly [string, unknown])[],
  prototype: object | null = Object.prototype,
): object {
  const record = Object.create(prototype) as object;
  for (const [key, value] of entries)
    Object.defineProperty(record, key, { value, enumerable: true, configurable: true, writable: true });
  return record;
}

/** Any value that structured clone carries as it is. */
export const anyValue: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown; leaf: unknown }>(tie => ({
  leaf: fc.oneof(
    anyNumber,
    fc.string({ unit: 'binary', maxLength: 5 }),
    fc.constantFrom(undefined, null, true, false, 10n, -(2n ** 70n), '\ud800'),
    fc.date().map(date => new Date(date)),
    fc.constantFrom(/a/g, /(?<b>.)/su).map(regexp => new RegExp(regexp)),
    fc.float64Array({ maxLength: 3 }),
    fc.uint8Array({ maxLength: 5 }),
    fc.constantFrom<unknown>(1, 'a', true, 5n).map(value => Object(value) as unknown),
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .tuple(
        fc.array(tie('value'), { maxLength: 4 }),
        fc.integer({ min: 0, max: 5 }),
        fc.array(fc.tuple(anyKey, tie('value')), { maxLength: 1 }),
      )
      .map(([items, hole, others]) => {
        // Holes, and properties that are no elements.
        const array: unknown[] = [];
        for (const [i, item] of items.entries()) array[i + (i >= hole ? 1 : 0)] = item;
        for (const [key, value] of others)
          if (key !== 'length')
            Object.defineProperty(array, key, {
              value,
              enumerable: true,
              configurable: true,
              writable: true,
            });
        return array;
      }),
    fc.array(fc.tuple(anyKey, tie('value')), { maxLength: 4 }).map(entries => recordOf(entries)),
    // The same objects twice, and an array or a record that holds itself.
    fc.array(tie('value'), { maxLength: 2 }).map(items => [...items, ...items, [items[0]]]),
    fc.array(tie('value'), { maxLength: 2 }).map(items => {
      const array = [...items];
      array.push(array);
      return array;
    }),
    fc.tuple(anyKey, tie('value')).map(([key, value]) => {
      const record = recordOf([[key, value]]) as Record<string, unknown>;
      record.self = [record];
      return record;
    }),
    fc.array(fc.tuple(anyKey, tie('value')), { maxLength: 3 }).map(entries => recordOf(entries, null)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map(entries => new Map(entries)),
    fc.array(tie('value'), { maxLength: 3 }).map(items => new Set(items)),
  ),
})).value;

/** Rows as sweeps have them: mostly of one shape, with an odd one among them now and then. */
export const anyRows: fc.Arbitrary<unknown[]> = fc
  .oneof(
    fc.array(anyNumber, { maxLength: 20 }),
    fc.integer({ min: 0, max: 4 }).chain(width =>
      fc.array(
        fc.array(fc.oneof({ weight: 4, arbitrary: anyNumber }, anyValue), {
          minLength: width,
          maxLength: width,
        }),
        { maxLength: 12 },
      ),
    ),
    fc.uniqueArray(anyKey, { maxLength: 4 }).chain(keys =>
      fc.array(
        fc
          .tuple(
            fc.array(fc.oneof({ weight: 4, arbitrary: anyNumber }, anyValue), {
              minLength: keys.length,
              maxLength: keys.length,
            }),
            fc.shuffledSubarray(keys, { minLength: keys.length }),
            fc.integer({ min: 0, max: 9 }),
          )
          // One in ten has its keys in another order.
          .map(([values, shuffled, luck]) =>
            recordOf((luck === 0 ? shuffled : keys).map((key, i) => [key, values[i]])),
          ),
        { maxLength: 12 },
      ),
    ),
    fc.array(anyValue, { maxLength: 8 }),
  )
  .chain(rows =>
    fc
      .array(fc.tuple(fc.nat(rows.length), anyValue), { maxLength: 2 })
      .map(odd => odd.reduce<unknown[]>((all, [at, value]) => all.toSpliced(at, 0, value), rows)),
  );
