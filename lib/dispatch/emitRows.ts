import { Observable, type OperatorFunction } from 'rxjs';
import { rowReader } from '../serialization/columnBatch.js';
import { freeBuffers } from '../serialization/freeBuffers.js';
import { operate } from './operate.js';
import type { SettledBatch } from './settledBatch.js';

/** Emits the rows of batches one by one. */
export const emitRows =
  <R>(): OperatorFunction<SettledBatch, R> =>
  source =>
    new Observable<R>(subscriber => {
      operate(source, {
        destination: subscriber,
        next: ({ rows }) => {
          const at = rowReader(rows) as (index: number) => R;
          for (let i = 0; i < rows.length && !subscriber.closed; i++) subscriber.next(at(i));
          freeBuffers(rows);
        },
      });
    });
