import { Observable, type OperatorFunction } from 'rxjs';
import { type Columns, ColumnsBuilder } from '../lib/columns.js';
import { Link } from '../lib/scheduling/link.js';

export function toColumns<R>(): OperatorFunction<R, Columns<R>> {
  return source =>
    new Observable<Columns<R>>(subscriber => {
      const columns = new ColumnsBuilder();
      let index = 0;
      source.subscribe(
        new Link<R>(
          subscriber,
          row => columns.add(row, index++),
          () => {
            subscriber.next(columns.finish() as Columns<R>);
            subscriber.complete();
          },
        ),
      );
    });
}
