import type { SettledBatch } from './dispatcher.js';

/** Holds settled blocks back until all inputs before them have settled. */
export class ReorderBuffer {
  /** The index that is to be released next. */
  next = 0;
  readonly #waiting = new Map<number, SettledBatch>();

  constructor(private readonly release: (block: SettledBatch) => void) {}

  add(block: SettledBatch): void {
    if (block.first !== this.next) {
      this.#waiting.set(block.first, block);
      return;
    }
    for (let due: SettledBatch | undefined = block; due; due = this.#waiting.get(this.next)) {
      this.#waiting.delete(due.first);
      this.next = due.first + due.count;
      this.release(due);
    }
  }
}
