import { now as clock } from '../runtime/clock.js';
import type { SharedState } from './loadTask.js';

/** To look for changes may take this part of the time, as one to so much; what is reported is looked at whatever it takes. */
const TIME_PER_LOOK = 32;

/** Runs of which a task has changed what all calls share: of these each call is looked at. */
const careless = new WeakSet<SharedState>();

/** The state of what was shared after some calls: as it was; changed by the last of them; or by some of them. */
export type Finding = 'unchanged' | 'changed by the last' | 'changed by some';

/**
 * Watches whether the calls of a chunk change what all calls share, so that no row is reported that depends on the calls
 * before it.
 *
 * To look after each quick call would cost more than the calls. So some share a look, until a change is found.
 */
export class ChangeWatch {
  /** Calls before the last look. */
  #looked = 0;
  #lastLook = clock();
  /** Milliseconds that a look took. */
  #cost = 0;

  constructor(private readonly shared: SharedState) {}

  /** True if each call is to be looked at. */
  get isCareful(): boolean {
    return careless.has(this.shared);
  }

  /** Returns true if a look is worth its time. */
  isDue(now: number): boolean {
    return this.isCareful || now - this.#lastLook >= this.#cost * TIME_PER_LOOK;
  }

  /**
   * Looks for changes; where there are some, the next call is given what came.
   * @param calls the calls so far
   */
  look(calls: number): Finding {
    const since = calls - this.#looked;
    if (since === 0) return 'unchanged';
    this.#looked = calls;
    const began = clock();
    const unchanged = this.shared.isUnchanged();
    this.#lastLook = clock();
    this.#cost = this.#lastLook - began;
    if (unchanged) return 'unchanged';
    this.shared.renew();
    careless.add(this.shared);
    return since === 1 ? 'changed by the last' : 'changed by some';
  }

  /** Looks for changes while a call is under way, which may be what has made them; true if there are none. */
  isUnchangedMeanwhile(calls: number): boolean {
    if (calls > this.#looked && !this.shared.isUnchanged()) return false;
    this.#looked = calls;
    return true;
  }
}
