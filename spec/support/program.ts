import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { until } from './deadline.js';

/** How a program ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds that it lived. */
  readonly elapsed: number;
}

/** A program under test. */
export interface Program {
  readonly process: ChildProcess;
  readonly pid: number;
  /** What it has written so far. */
  stdout(): string;
  readonly ended: Promise<Ended>;
}

/** Starts one of the fixtures' programs; it is killed after so many seconds. */
export function start(
  name: string,
  args: readonly string[],
  seconds = 10,
  more: Readonly<Record<string, string>> = {},
): Program {
  const file = fileURLToPath(new URL(`../fixtures/programs/${name}.js`, import.meta.url));
  const begun = performance.now();
  // What a test runner has set for itself is none of the program's.
  const { FORCE_COLOR, NO_COLOR, ...env } = process.env;
  // In a process group of its own, so that a signal can reach it as a terminal's would.
  const child = spawn(process.execPath, [file, ...args], {
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', data => {
    stdout += data;
  });
  child.stderr.on('data', data => {
    stderr += data;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1_000);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      const elapsed = performance.now() - begun;
      const end = () => resolve({ code, signal, stdout, stderr, elapsed });
      // What is in the pipes still comes; but an orphan could hold them open.
      child.on('close', end);
      setTimeout(end, 1_000).unref();
    });
  });
  return { process: child, pid: child.pid as number, stdout: () => stdout, ended };
}

/** Runs one of the fixtures' programs to its end. */
export const run = (
  name: string,
  args: readonly string[],
  seconds?: number,
  env?: Readonly<Record<string, string>>,
): Promise<Ended> => start(name, args, seconds, env).ended;

/** Whether a process is there and has not ended; one that nobody has collected yet has. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  if (process.platform !== 'linux') return true;
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** Waits until none of these processes is there, and ends those that are left. */
export async function allGone(pids: readonly number[], seconds: number): Promise<boolean> {
  try {
    await until(() => !pids.some(isAlive), seconds);
    return true;
  } catch {
    for (const pid of pids.filter(isAlive)) process.kill(pid, 'SIGKILL');
    return false;
  }
}
