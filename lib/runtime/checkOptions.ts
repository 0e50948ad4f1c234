/** The values that an option accepts: in words, and as a test that tells a wrong type from a value out of range. */
export interface Rule {
  readonly accepts: string;
  readonly test: (value: unknown) => true | 'type' | 'range';
}

const show = (value: unknown): string =>
  typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'function'
      ? 'a function'
      : Array.isArray(value)
        ? 'an array'
        : typeof value === 'object' && value !== null
          ? `an object (${Object.getPrototypeOf(value)?.constructor?.name ?? 'no prototype'})`
          : String(value);

const number = (accepts: string, inRange: (value: number) => boolean): Rule => ({
  accepts,
  test: value => (typeof value !== 'number' ? 'type' : inRange(value) ? true : 'range'),
});

export const whole = (from: number): Rule =>
  number(`a whole number from ${from}`, value => Number.isInteger(value) && value >= from);
export const milliseconds: Rule = /* @__PURE__ */ number(
  'milliseconds above 0',
  value => Number.isFinite(value) && value > 0,
);
export const isPlainObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const ofType = (accepts: string, is: (value: unknown) => boolean): Rule => ({
  accepts,
  test: value => is(value) || 'type',
});
export const yesOrNo: Rule = /* @__PURE__ */ ofType('true or false', value => typeof value === 'boolean');
export const either = (...rules: Rule[]): Rule => ({
  accepts: rules.map(rule => rule.accepts).join(', or '),
  test: value => {
    const answers = rules.map(rule => rule.test(value));
    return answers.includes(true) || (answers.includes('range') ? 'range' : 'type');
  },
});

export const orInfinity = (rule: Rule): Rule =>
  either(
    rule,
    ofType('Infinity', value => value === Infinity),
  );

/**
 * Checks options by their rules, and gives those that are given: the caller's own, and nothing that any of them inherits.
 * `undefined` stands for an option that is not given.
 * @param owner the function whose options they are, for the message
 * @throws TypeError for an unknown option or a wrong type
 * @throws RangeError for a value out of range
 */
export function checkOptions<T extends object = object>(
  owner: string,
  options: unknown,
  rules: Readonly<Record<string, Rule>>,
): Partial<T> {
  const given = Object.create(null) as Partial<T>;
  if (options === undefined) return given;
  if (!isPlainObject(options))
    throw new TypeError(`${owner}: the options must be an object, got ${show(options)}`);
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (!rule)
      throw new TypeError(
        `${owner}: there is no option \`${name}\`; the options are ${Object.keys(rules).join(', ')}`,
      );
    if (value === undefined) continue;
    const answer = rule.test(value);
    if (answer === true) {
      given[name as keyof T] = value as T[keyof T];
      continue;
    }
    const Kind = answer === 'range' ? RangeError : TypeError;
    throw new Kind(`${owner}: \`${name}\` must be ${rule.accepts}, got ${show(value)}`);
  }
  return given;
}
