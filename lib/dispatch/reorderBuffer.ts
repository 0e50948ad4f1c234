import type { SettledBatch } from './settledBatch.js';

/** Holds settled batches back until all inputs before them have settled. */
export class ReorderBuffer {
  /** The index that is to be emitted next. */
  next = 0;
  readonly #waiting = new Map<number, SettledBatch>();

  constructor(private readonly emit: (batch: SettledBatch) => void) {}

  add(batch: SettledBatch): void {
    if (batch.first !== this.next) {
      this.#waiting.set(batch.first, batch);
      return;
    }
    for (let due: SettledBatch | undefined = batch; due; due = this.#waiting.get(this.next)) {
      this.#waiting.delete(due.first);
      this.next = due.first + due.count;
      this.emit(due);
    }
  }
}
