import { isThenable } from '../task/callTask.js';

/** A task's outcome. */
export type Outcome =
  | { readonly kind: 'row'; readonly row: unknown }
  | { readonly kind: 'error'; readonly error: unknown };

/** The answer of a task as it returns: its outcome, or the promise of it. */
export type Answer = Outcome | { readonly kind: 'promise'; readonly promise: PromiseLike<unknown> };

/** Calls a task with an input. */
export function answerOf(call: (input: unknown) => unknown, input: unknown): Answer {
  try {
    const row = call(input);
    return isThenable(row) ? { kind: 'promise', promise: row } : { kind: 'row', row };
  } catch (error) {
    return { kind: 'error', error };
  }
}

/** Waits for a thenable, and for the thenable that it may answer with, as `await` does. */
export function follow(row: PromiseLike<unknown>, answer: (outcome: Outcome) => void): void {
  // A thenable, unlike a promise, may answer twice, or throw after it has answered.
  let answered = false;
  const once = (settle: () => void) => {
    if (answered) return;
    answered = true;
    settle();
  };
  const fail = (error: unknown) => once(() => answer({ kind: 'error', error }));
  try {
    row.then(
      next => once(() => (isThenable(next) ? follow(next, answer) : answer({ kind: 'row', row: next }))),
      fail,
    );
  } catch (error) {
    fail(error);
  }
}
