import type { Report } from '../executor.js';
import { noRows } from '../serialization/columnBatch.js';

/**
 * Makes the report of the first input of a chunk, which cannot cross.
 * @param place where in it, `''` for the input itself, and why
 */
export const refusedInput = ({ path, why }: { readonly path: string; readonly why: string }): Report => ({
  count: 1,
  rows: noRows,
  failures: [{ offset: 0, cause: undefined, untransferable: { what: 'input', path, why }, expired: false }],
  elapsed: 0,
});
