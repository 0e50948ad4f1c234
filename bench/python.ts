import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { benchFolder } from './settings.js';

export type PythonMap = 'loop' | 'ProcessPoolExecutor.map' | 'Pool.map';

/** What Python is asked to run, and how. */
export interface PythonOrder {
  readonly by: PythonMap;
  readonly task: 'powers' | 'labelled' | 'busy' | 'costly';
  /** Inputs from 0. */
  readonly count?: number;
  readonly inputs?: readonly number[];
  readonly iterations?: number;
  /** Default: Python's. */
  readonly chunksize?: number;
}

/** Python's version; `undefined` where there is none. */
export function pythonVersion(): string | undefined {
  try {
    return execFileSync('python3', ['--version'], { encoding: 'utf8' })
      .trim()
      .replace(/^Python /, '');
  } catch {
    return undefined;
  }
}

/** A Python process with one pool of each kind. */
export class Python {
  readonly #process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #answers: AsyncIterator<string>;

  constructor(workers: number) {
    this.#process = spawn('python3', [join(benchFolder, 'peers.py'), String(workers)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#answers = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
  }

  /** Milliseconds that an order took, by Python's clock. */
  async run(order: PythonOrder): Promise<number> {
    this.#process.stdin.write(`${JSON.stringify(order)}\n`);
    const { value, done } = await this.#answers.next();
    if (done) throw new Error('Python has ended; its message stands above');
    return JSON.parse(value) as number;
  }

  close(): void {
    this.#process.stdin.end();
  }
}
