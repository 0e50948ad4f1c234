import type { Report } from '../executor.js';

/** Returns what an executor's report has that its chunk has not; `undefined` where it can be believed. */
export function faultIn({ count, rows, failures }: Report, unsettled: number): string | undefined {
  if (!Number.isInteger(count) || count < 0 || count > unsettled)
    return `${count} inputs of a chunk that has ${unsettled} left`;
  let last = -1;
  for (const { offset } of failures) {
    if (!Number.isInteger(offset) || offset <= last || offset >= count)
      return `a failure at ${offset}, after one at ${last}, among ${count} inputs`;
    last = offset;
  }
  if (rows.length !== count - failures.length)
    return `${rows.length} rows and ${failures.length} failures of ${count} inputs`;
  const short = rows.columns.find(column => column.length !== rows.length);
  return short && `a column of ${short.length} values for ${rows.length} rows`;
}
