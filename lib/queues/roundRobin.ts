/** An item that waits, and the run that it belongs to. */
export interface Queued {
  readonly run: object;
}

/** A queue in which runs take turns; what waits of one run goes in its order. */
export class RoundRobin<T extends Queued> {
  /** In the order of their turns. */
  readonly #runs = new Map<object, Set<T>>();

  get isEmpty(): boolean {
    return this.#runs.size === 0;
  }

  get length(): number {
    let length = 0;
    for (const items of this.#runs.values()) length += items.size;
    return length;
  }

  add(item: T): void {
    const items = this.#runs.get(item.run);
    if (items) items.add(item);
    else this.#runs.set(item.run, new Set([item]));
  }

  delete(item: T): void {
    const items = this.#runs.get(item.run);
    if (items?.delete(item) && items.size === 0) this.#runs.delete(item.run);
  }

  /** Takes the next item that may go; its run is the last in turn then. */
  take(mayGo: (item: T) => boolean): T | undefined {
    for (const [run, items] of this.#runs)
      for (const item of items) {
        if (!mayGo(item)) continue;
        items.delete(item);
        this.#runs.delete(run);
        if (items.size > 0) this.#runs.set(run, items);
        return item;
      }
    return undefined;
  }
}
