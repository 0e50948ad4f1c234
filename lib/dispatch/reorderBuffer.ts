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
    this.next += batch.count;
    this.emit(batch);
    while (this.#waiting.size > 0) {
      const due = this.#waiting.get(this.next);
      if (!due) return;
      this.#waiting.delete(due.first);
      this.next += due.count;
      this.emit(due);
    }
  }
}
