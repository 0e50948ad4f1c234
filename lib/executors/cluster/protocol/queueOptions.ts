import { checkOptions, isPlainObject, ofType, type Rule, whole } from '../../../runtime/checkOptions.js';

/** The prefix of all keys in Redis where none is given: BullMQ's own. */
export const DEFAULT_PREFIX = 'bull';

const text = (accepts: string, test: (value: string) => boolean): Rule =>
  ofType(accepts, value => typeof value === 'string' && test(value));

/** The rules of the options that `bullmq()` and `clusterWorker()` share. */
export const queueRules: Record<'queue' | 'connection' | 'prefix' | 'root' | 'maxMessage', Rule> = {
  queue: text('a name without `:`', value => value !== '' && !value.includes(':')),
  connection: ofType('an object: { url }, or options of ioredis', isPlainObject),
  prefix: text('a text', value => value !== ''),
  root: text('a folder', value => value !== ''),
  maxMessage: whole(1_024),
};

/**
 * Checks the options of `bullmq()` or `clusterWorker()`, and returns the caller's own.
 * @throws TypeError, RangeError for wrong options; TypeError where `queue` is missing, which has no default
 */
export function checkQueue<T extends { queue: string }>(
  owner: string,
  options: unknown,
  rules: Readonly<Record<keyof T & string, Rule>>,
): Partial<T> & { queue: string } {
  const given = checkOptions<T>(owner, options, rules);
  const { queue } = given;
  if (queue === undefined)
    throw new TypeError(`${owner}: \`queue\` must be given: the name of the queue that the workers serve`);
  return { ...given, queue };
}
