import { workerState } from '../protocol/workerState.js';

/**
 * True in a worker that runs tasks, false in the program itself.
 *
 * A worker loads the module of a task from its first line. A file that exports tasks and also runs sweeps asks here
 * before it does the latter; a module of their own for tasks needs no such guard.
 * @example
 * export const square = task(import.meta, 'square', (x: number) => x * x);
 *
 * if (!inWorker) range(0, 3).pipe(parallelMap(square)).subscribe(row => console.log(row));
 * @see Python's `if __name__ == '__main__'` in programs that use multiprocessing
 */
export const inWorker: boolean = workerState() !== undefined;
