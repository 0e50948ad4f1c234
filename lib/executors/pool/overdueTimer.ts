import { clearImmediate, setImmediate } from 'node:timers';
import { startTimer, type Timer } from '../../runtime/startTimer.js';

/**
 * Waits for a word of a worker, so long and no longer.
 *
 * What the worker has said while this thread was busy is heard before it counts as late: a timer that is overdue fires
 * before the messages that lie there.
 */
export class OverdueTimer {
  #timer: Timer | undefined;
  #look: NodeJS.Immediate | undefined;
  #waiting = false;

  /**
   * @param hear takes in what the worker has said so far; `restart` and `stop` may be called meanwhile
   * @param late is called once it is late
   */
  constructor(
    private readonly hear: () => void,
    private readonly late: () => void,
  ) {}

  /** Waits `limit` ms from now on. */
  restart(limit: number): void {
    this.stop();
    this.#waiting = true;
    // By way of the event loop, which reads what child processes have sent.
    this.#timer = startTimer(() => {
      this.#look = setImmediate(() => {
        this.hear();
        if (!this.#waiting) return;
        this.#waiting = false;
        this.late();
      });
    }, limit);
  }

  stop(): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#timer?.stop();
    if (this.#look) clearImmediate(this.#look);
    this.#look = undefined;
  }
}
