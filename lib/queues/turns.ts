import type { Run } from '../executor.js';

/** What waits, and for which run. */
export interface Waiting {
  readonly run: Run;
}

/** Those that wait for a worker: runs take turns, and what waits of one run goes in its order. */
export class Turns<W extends Waiting> {
  /** In the order of their turns. */
  readonly #runs = new Map<Run, Set<W>>();

  get length(): number {
    let length = 0;
    for (const waiting of this.#runs.values()) length += waiting.size;
    return length;
  }

  add(one: W): void {
    const waiting = this.#runs.get(one.run);
    if (waiting) waiting.add(one);
    else this.#runs.set(one.run, new Set([one]));
  }

  delete(one: W): void {
    const waiting = this.#runs.get(one.run);
    if (waiting?.delete(one) && waiting.size === 0) this.#runs.delete(one.run);
  }

  /** Takes the next one that may go; its run is the last in turn then. */
  take(mayGo: (one: W) => boolean): W | undefined {
    for (const [run, waiting] of this.#runs)
      for (const one of waiting) {
        if (!mayGo(one)) continue;
        waiting.delete(one);
        this.#runs.delete(run);
        if (waiting.size > 0) this.#runs.set(run, waiting);
        return one;
      }
    return undefined;
  }
}
