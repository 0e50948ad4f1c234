import { clearInterval, setInterval } from 'node:timers';

/**
 * Tells threads that time has passed, by a number in memory that they share: to look at it after each task costs 1 ns,
 * where a clock costs 40.
 *
 * It beats only while that is of use to somebody, and keeps no process alive.
 */
export class Pulse {
  /** Its one number is another one after each beat. */
  readonly count = new Int32Array(new SharedArrayBuffer(4));
  #timer: NodeJS.Timeout | undefined;

  constructor(
    /** Milliseconds between two beats. */
    private readonly every: number,
    /** Returns false once no thread has anything for which it need know the time. */
    private readonly isOfUse: () => boolean,
  ) {}

  /** Beats from now on, as long as that is of use. */
  start(): void {
    this.#timer ??= setInterval(() => this.#tick(), this.every).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Has each thread look at its clock, and at the state of its chunk, after the task that it is at. */
  beat(): void {
    Atomics.add(this.count, 0, 1);
  }

  #tick(): void {
    if (this.isOfUse()) this.beat();
    else this.stop();
  }
}
