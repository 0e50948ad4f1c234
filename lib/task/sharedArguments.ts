import { copyBoth } from '../serialization/copyValue.js';
import { isSame } from '../serialization/isSame.js';
import type { Binding } from './bindTask.js';

const WHOLE = { whole: true };

/** The owner of `args` and `kwargs` as they are given: a caller may go on to use its own, a worker has what came to it. */
export type ArgumentsOwner = 'caller' | 'worker';

/**
 * The `args` and `kwargs` of a run, of which every call is given a copy that no other call has changed.
 *
 * A copy is looked through for changes, and given out again where there are none: what is kept by its identity, in a
 * `WeakMap` say, is found again, and nothing is copied for each input. The memory of typed arrays is the same in all copies.
 */
export class SharedArguments {
  /** True if a call can change anything that the next one would see. */
  readonly canChange: boolean;
  readonly #given: Binding;
  #first: Binding | undefined;

  constructor(given: Binding, owner: ArgumentsOwner) {
    this.#given = owner === 'worker' ? given : copyOf(given, true);
    this.#first = copyOf(this.#given, false);
    this.canChange =
      this.#first.kwargs !== undefined || this.#first.args.some((value, i) => value !== this.#given.args[i]);
  }

  /** Returns a copy that no call has had. */
  fresh(): Binding {
    const first = this.#first ?? copyOf(this.#given, false);
    this.#first = undefined;
    return first;
  }

  /** Returns true if a copy is as it was given out. */
  isUnchanged({ args, kwargs }: Binding): boolean {
    // A call is given what the list holds, and never the list.
    return (
      args.every((value, i) => isSame(value, this.#given.args[i], WHOLE)) &&
      isSame(kwargs, this.#given.kwargs, WHOLE)
    );
  }
}

function copyOf({ args, kwargs, spread }: Binding, ofCaller: boolean): Binding {
  const [list, record] = copyBoth(args, kwargs, { memory: ofCaller, whole: ofCaller });
  return { args: list, kwargs: record, spread };
}
