import { AsyncLocalStorage } from 'node:async_hooks';
import { finalize, type Observable, tap } from 'rxjs';
import * as assert from 'uvu/assert';
import type { ProgressObserver } from '../../lib/progress/progressMeter.js';

/** What stands for the store of a server's request. */
export const store = new AsyncLocalStorage<string>();

/** The stores that the code behind a run has seen, by what it was called as. */
export class SeenStores {
  readonly calls: string[] = [];
  readonly note = (call: string): void => {
    this.calls.push(`${call}: ${store.getStore()}`);
  };
  /** An observer of the run's progress. */
  readonly progress: ProgressObserver = {
    next: () => this.note('progress'),
    error: () => this.note('progress error'),
    complete: () => this.note('progress complete'),
    finalize: () => this.note('progress finalize'),
  };

  /** Subscribes, and resolves when the run is over. */
  subscribe(run: Observable<unknown>): Promise<void> {
    return new Promise(resolve => {
      run
        .pipe(
          tap({
            next: () => this.note('tap'),
            error: () => this.note('tap error'),
            complete: () => this.note('tap complete'),
          }),
          finalize(() => {
            this.note('finalize');
            resolve();
          }),
        )
        .subscribe({
          next: () => this.note('next'),
          error: () => this.note('error'),
          complete: () => this.note('complete'),
        });
    });
  }

  /** Checks that everything was called in one context, and these calls among it. */
  only(id: string | undefined, ...calls: string[]): void {
    const seen = [...new Set(this.calls)].sort();
    assert.equal(
      seen.filter(call => !call.endsWith(`: ${id}`)),
      [],
    );
    for (const call of calls) assert.ok(seen.includes(`${call}: ${id}`), `${call} among ${seen.join(', ')}`);
  }
}
