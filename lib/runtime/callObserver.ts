import { throwError } from 'rxjs';

/**
 * Calls code of a user that no work may depend on: an observer, a clean-up.
 *
 * What it throws is reported as RxJS reports an error that nobody handles: later, from the event loop, so that it ends
 * neither the run nor the frame that called.
 */
export function callObserver(call: () => void): void {
  try {
    call();
  } catch (error) {
    throwError(() => error).subscribe();
  }
}
