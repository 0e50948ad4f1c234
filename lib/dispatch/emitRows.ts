import { Observable, type OperatorFunction } from 'rxjs';
import { rowReader } from '../serialization/columnBatch.js';
import { freeBuffers } from '../serialization/freeBuffers.js';
import type { SettledBatch } from './dispatcher.js';
import { Link } from './operate.js';

/** Emits the rows of blocks one by one. */
export const emitRows =
  <R>(): OperatorFunction<SettledBatch, R> =>
  source =>
    new Observable<R>(subscriber => {
      source.subscribe(
        new Link<SettledBatch>(subscriber, ({ rows }) => {
          const at = rowReader(rows) as (index: number) => R;
          for (let i = 0; i < rows.length && !subscriber.closed; i++) subscriber.next(at(i));
          if (rows.own) freeBuffers(rows);
        }),
      );
    });
