import { Observable, type OperatorFunction } from 'rxjs';
import { unpack } from '../serialization/columnBatch.js';
import { discard } from '../serialization/freeBuffers.js';
import type { Block } from './dispatcher.js';
import { Link } from './operate.js';

/** Emits the rows of blocks one by one. */
export const rows =
  <R>(): OperatorFunction<Block, R> =>
  source =>
    new Observable<R>(subscriber => {
      source.subscribe(
        new Link<Block>(subscriber, ({ rows }) => {
          const at = unpack(rows) as (index: number) => R;
          for (let i = 0; i < rows.length && !subscriber.closed; i++) subscriber.next(at(i));
          if (rows.own) discard(rows);
        }),
      );
    });
