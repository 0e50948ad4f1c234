import type { Task } from './task.js';

/** The part of a task's parameters that is the same for every call. */
export interface Binding {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
}

/** Binds a task to what every call shares: `task(value, ...args, kwargs)`, or with `spread` `task(...value, ...)`. */
export function bindTask(task: Task, { args, kwargs, spread }: Binding): (value: unknown) => unknown {
  const rest = kwargs === undefined ? args : [...args, kwargs];
  if (spread)
    return value => {
      if (!Array.isArray(value))
        throw new TypeError('with `spread` every input must be a tuple: an array of arguments');
      return task(...value, ...rest);
    };
  // The common cases are told apart: spreading costs as much as a small task.
  if (rest.length === 0) return value => task(value);
  if (rest.length === 1) {
    const [only] = rest;
    return value => task(value, only);
  }
  return value => task(value, ...rest);
}
