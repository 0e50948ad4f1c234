import { Observable, type OperatorFunction } from 'rxjs';
import { type Columns, ColumnsBuilder } from '../lib/columns/columns.js';
import { operate } from '../lib/dispatch/operate.js';
import { Fifo } from '../lib/queues/fifo.js';

/**
 * Reduces rows to columns and emits them, once, when the source completes.
 *
 * Rows that are tuples give an array of columns, rows that are plain objects an object of columns, any other row one column.
 * A column that has only numbers is a `Float64Array`, any other a plain array, nothing coerced. No rows give `[]`. It errors
 * with a `TypeError` at the first row whose shape differs from that of the rows before; the message names its index.
 *
 * ```text
 * source:  -a-bc-|
 *          toColumns()
 * result:  ------(r|)
 *
 * a:  [0, 'a']
 * b:  [1, 'b']
 * c:  [2, 'c']
 * r:  [Float64Array.of(0, 1, 2), ['a', 'b', 'c']]
 * ```
 *
 * @returns an operator from rows to their columns
 * @example
 * import { from } from 'rxjs';
 * import { toColumns } from 'rx-parfor';
 *
 * from([
 *   { x: 1, name: 'one' },
 *   { x: 2, name: 'two' },
 * ])
 *   .pipe(toColumns())
 *   .subscribe(({ x, name }) => console.log(x, name));
 * // Float64Array(2) [ 1, 2 ] [ 'one', 'two' ]
 * @see NumPy's structured arrays, whose fields are columns; the reducing half of QuTiP's `parfor`
 */
export function toColumns<R>(): OperatorFunction<R, Columns<R>> {
  return source =>
    new Observable<Columns<R>>(subscriber => {
      const columns = new ColumnsBuilder();
      let index = 0;
      // A getter of a row may push another one: it is added after this one.
      const waiting = new Fifo<R>();
      let adding = false;
      operate(source, {
        destination: subscriber,
        next: row => {
          waiting.push(row);
          if (adding) return;
          adding = true;
          try {
            while (waiting.length > 0) columns.add(waiting.shift(), index++);
          } finally {
            adding = false;
          }
        },
        complete: () => {
          subscriber.next(columns.finish() as Columns<R>);
          subscriber.complete();
        },
      });
    });
}
