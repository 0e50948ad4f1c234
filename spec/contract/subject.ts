import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, Observable, toArray } from 'rxjs';
import * as assert from 'uvu/assert';
import type { TaskError } from '../../lib/errors.js';
import type { Chunk, Executor, Report, Run } from '../../lib/executor.js';
import type { RejectedRow, SettledRow } from '../../operators/parallelMapSettled.js';

/** What a contract asks of a maker of executors; an executor takes of it what it knows. */
export interface MakeOptions {
  /** Workers, or for `inline` async tasks side by side. */
  workers?: number;
  /** The heap of each worker, in MB. */
  heap?: number;
  idleTimeout?: number;
  env?: Record<string, string>;
  execArgv?: string[];
}

export type MakeExecutor = (options?: MakeOptions) => Executor & AsyncDisposable;

/** What an executor can do beyond what all can. */
export interface Capabilities {
  /** Tasks run elsewhere: values are copied there and back, and functions shipped. */
  readonly crosses: boolean;
  /** Workers are elsewhere and share memory with this thread: it can be moved between them. */
  readonly sharesMemory: boolean;
  /** A worker is a process: it has signals. */
  readonly processes: boolean;
  /** Workers live as long as they like, and write where they are: not with the program, and not to its terminal. */
  readonly remote?: boolean;
}

/** An executor under contract. */
export interface Subject extends Capabilities {
  readonly name: string;
  readonly make: MakeExecutor;
}

/** All rows of a run. */
export const rowsOf = <T>(run: Observable<T>): Promise<T[]> => lastValueFrom(run.pipe(toArray()));

/** How a run went: what it emitted, and how it ended. */
export interface Outcome<T> {
  readonly rows: T[];
  readonly error: unknown;
  readonly completed: boolean;
  /** Milliseconds from subscription to the end. */
  readonly elapsed: number;
}

/** Runs to the end, whatever that is. */
export const outcomeOf = <T>(run: Observable<T>): Promise<Outcome<T>> =>
  new Promise(resolve => {
    const start = performance.now();
    const rows: T[] = [];
    const end = (completed: boolean, error?: unknown) =>
      resolve({ rows, error, completed, elapsed: performance.now() - start });
    run.subscribe({
      next: row => rows.push(row),
      error: error => end(false, error),
      complete: () => end(true),
    });
  });

/** The error that a run ends with; fails where it ends without one. */
export async function errorOf<E = Error>(run: Observable<unknown>): Promise<E> {
  const { completed, error, rows } = await outcomeOf(run);
  if (completed) throw new Error(`the run completed, with ${rows.length} rows`);
  return error as E;
}

/** Returns the reason of the second of three rows, which alone is rejected. */
export function reasonBetweenRows<T>(found: readonly SettledRow<T, unknown>[], message?: string): TaskError {
  assert.equal(
    found.map(row => row.status),
    ['fulfilled', 'rejected', 'fulfilled'],
    message,
  );
  return (found[1] as RejectedRow<T>).reason;
}

/** The numbers from 0. */
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Runs with a fresh folder that is gone afterwards. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-'));
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An executor that notes what it is given and hands it on. */
export class Watched implements Executor, AsyncDisposable {
  readonly chunks: { first: number; count: number; at: number }[] = [];
  readonly forgotten: Run[] = [];
  /** Chunks under way now, and the most there were. */
  running = 0;
  mostRunning = 0;

  constructor(private readonly executor: Executor) {}

  get parallelism(): number {
    return this.executor.parallelism;
  }

  get chunkPolicy(): Executor['chunkPolicy'] {
    return this.executor.chunkPolicy;
  }

  run(chunk: Chunk): Observable<Report> {
    return new Observable(subscriber => {
      this.chunks.push({ first: chunk.first, count: chunk.inputs.length, at: performance.now() });
      this.running += 1;
      this.mostRunning = Math.max(this.mostRunning, this.running);
      subscriber.add(() => {
        this.running -= 1;
      });
      return this.executor.run(chunk).subscribe(subscriber);
    });
  }

  forget(run: Run): void {
    this.forgotten.push(run);
    this.executor.forget?.(run);
  }

  close(): Promise<void> {
    return this.executor.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** Warnings of one type that the process emits while `run` runs. */
export async function warningsDuring<T>(type: string, run: () => Promise<T>): Promise<[T, Error[]]> {
  const warnings: Error[] = [];
  const note = (warning: Error) => {
    if (warning.name === type) warnings.push(warning);
  };
  // Node's own listener, which prints them, steps aside.
  const others = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', note);
  try {
    return [await run(), warnings];
  } finally {
    process.off('warning', note);
    for (const other of others) process.on('warning', other);
  }
}
