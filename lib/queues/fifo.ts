/** Items that were taken are cut from the list once there are so many, and as many as those that wait. */
const MIN_CUT = 1024;

/** A first-in, first-out list. `Array.shift` moves all that follow, which with a hundred thousand items is seconds in all. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** The item that `shift` takes next. */
  get first(): T | undefined {
    return this.#items[this.#head];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Takes the first item, which is not held any more. */
  shift(): T | undefined {
    if (this.length === 0) return undefined;
    // The usual case of a short list: its memory serves the next item.
    if (this.#items.length === 1) return this.#items.pop();
    const first = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.length === 0) this.clear();
    else if (this.#head >= MIN_CUT && this.#head >= this.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first;
  }

  /** Puts another item in the place of the first, which there must be. */
  replaceFirst(item: T): void {
    this.#items[this.#head] = item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
