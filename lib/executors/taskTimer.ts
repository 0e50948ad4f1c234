/** Watches that a worker says something about each of its tasks in time: the `taskTimeout` of a chunk. */
export class TaskTimer {
  #timer: NodeJS.Timeout | undefined;
  #late: NodeJS.Immediate | undefined;

  /**
   * @param limit milliseconds from one word of the worker to the next; `undefined` for as long as it takes
   * @param expire is called once it is late
   */
  constructor(
    private readonly limit: number | undefined,
    private readonly expire: () => void,
  ) {}

  /** The worker begins a task now. */
  restart(): void {
    if (this.limit === undefined) return;
    this.stop();
    this.#timer = setTimeout(() => {
      // What it has said while this thread was busy is heard before it is late.
      this.#late = setImmediate(this.expire);
    }, this.limit);
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#late);
  }
}
