import type { BoundCall, CallPool } from './callPool.js';
import { isThenable } from './isThenable.js';

/** A task's outcome. */
export type Outcome =
  | { readonly kind: 'row'; readonly row: unknown }
  | { readonly kind: 'error'; readonly error: unknown };

/** The answer of a task as it returns: its outcome, or the promise of it and the call that goes on. */
export type Answer =
  | Outcome
  | { readonly kind: 'promise'; readonly promise: PromiseLike<unknown>; readonly call: BoundCall };

/** Calls a task with an input. The call of a promise is to be given back once that has settled. */
export function answerOf(calls: CallPool, input: unknown): Answer {
  let ended: BoundCall | undefined;
  try {
    const call = calls.take();
    ended = call;
    const row = call.call(input);
    if (!isThenable(row)) return { kind: 'row', row };
    ended = undefined;
    return { kind: 'promise', promise: row, call };
  } catch (error) {
    return { kind: 'error', error };
  } finally {
    if (ended) calls.giveBack(ended);
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
    row.then(next => once(() => answerWith(next, answer)), fail);
  } catch (error) {
    fail(error);
  }
}

/** Answers with what a thenable has answered: code of the user may stand behind the `then` of it. */
function answerWith(next: unknown, answer: (outcome: Outcome) => void): void {
  let goesOn: boolean;
  try {
    goesOn = isThenable(next);
  } catch (error) {
    return answer({ kind: 'error', error });
  }
  if (goesOn) follow(next as PromiseLike<unknown>, answer);
  else answer({ kind: 'row', row: next });
}
