import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { until } from '../deadline.js';

/** A worker process under test. */
export interface WorkerProcess {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Returns the events of this kind that it has logged. */
  events(kind: string): Record<string, unknown>[];
  stderr(): string;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Ends it at once, frozen or not. */
  kill(): Promise<unknown>;
}

const program = fileURLToPath(
  new URL('../../../lib/executors/cluster/worker/workerProgram.js', import.meta.url),
);

/** Starts `rx-parfor-worker`. */
export function launchWorker(args: readonly string[], env: NodeJS.ProcessEnv = {}): WorkerProcess {
  const child = spawn(process.execPath, [program, '--log', 'json', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', data => {
    stdout += data;
  });
  child.stderr.on('data', data => {
    stderr += data;
  });
  const last = () => child.kill('SIGKILL');
  process.once('exit', last);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve =>
    child.once('exit', (code, signal) => {
      process.off('exit', last);
      resolve({ code, signal });
    }),
  );
  return {
    process: child,
    pid: child.pid as number,
    events: kind =>
      stdout
        .split('\n')
        .slice(0, -1)
        .map(line => JSON.parse(line) as Record<string, unknown>)
        .filter(event => event.event === kind),
    stderr: () => stderr,
    ended,
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}

/** Starts a worker and waits until it has joined. */
export async function joinedWorker(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<WorkerProcess> {
  const worker = launchWorker(args, env);
  await until(() => worker.events('join').length > 0 || worker.process.exitCode !== null, 15);
  if (worker.process.exitCode !== null) throw new Error(`the worker did not join: ${worker.stderr()}`);
  return worker;
}
