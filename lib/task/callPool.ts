import { type Binding, bindTask } from './bindTask.js';
import { SharedArguments } from './sharedArguments.js';
import type { Task } from './task.js';

/** A run's task, bound to `args` and `kwargs`. */
export interface BoundCall {
  readonly binding: Binding;
  readonly call: (value: unknown) => unknown;
}

/** Binds a task to a copy of what its calls share that none of them has had. */
export function freshCall(task: Task, shared: SharedArguments): BoundCall {
  const binding = shared.fresh();
  return { binding, call: bindTask(task, binding) };
}

/**
 * Binds a run's task in this thread so that no call finds `args` or `kwargs` changed, by one before it or one under way
 * beside it, and none changes the caller's.
 */
export class CallPool {
  readonly #task: Task;
  readonly #shared: SharedArguments;
  /** Those that no call uses now. */
  readonly #free: BoundCall[] = [];
  #only: BoundCall | undefined;

  constructor({ task, ...given }: Binding & { readonly task: Task }) {
    this.#task = task;
    this.#shared = new SharedArguments(given, 'caller');
    if (!this.#shared.canChange) this.#only = freshCall(this.#task, this.#shared);
  }

  take(): BoundCall {
    if (this.#only) return this.#only;
    const used = this.#free.pop();
    // The row of a call may hold a part of what it was given, and whoever has the row may change it.
    return used && this.#shared.isUnchanged(used.binding) ? used : freshCall(this.#task, this.#shared);
  }

  /** Takes back what a call was given, once it has ended. */
  giveBack(call: BoundCall): void {
    if (!this.#only) this.#free.push(call);
  }
}
