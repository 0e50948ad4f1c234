import type { ChildProcess } from 'node:child_process';
import process from 'node:process';
import { PassThrough, type Readable } from 'node:stream';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';
import { MessageChannel, type MessagePort, receiveMessageOnPort } from 'node:worker_threads';
import type { Tinypool, Options as TinypoolOptions } from 'tinypool';
import { describeThrown, RunInWorkerError, type WorkerExit } from '../../errors.js';
import type { StartMessage, Transferable, WorkerCommand, WorkerMessage } from '../../protocol/messages.js';
import { workerState } from '../../protocol/workerState.js';
import { MAX_TIMER_MS } from '../../runtime/clock.js';
import { workerEntry } from '../workerEntry.js';
import { tinypoolClass } from './tinypoolClass.js';

/** A child whose channel is closed has this long to end by itself: its exit says more. */
const DISCONNECT_GRACE_MS = 50;

/** A child that is to end has this long to run its clean-up, and its output to arrive. */
const END_GRACE_MS = 200;

/** Workers of the program may start workers of their own, within tasks; those may not: it would go on for ever. */
const MAX_DEPTH = 2;

let entry: string | undefined;

export type TinypoolWorkerOptions = Pick<
  TinypoolOptions,
  'runtime' | 'env' | 'execArgv' | 'resourceLimits'
> & {
  /** The number that tells a thread that time has passed. */
  readonly pulse?: Int32Array;
};

/** Hears what becomes of a worker. */
export interface TinypoolWorkerObserver {
  message(message: WorkerMessage): void;
  /** A message arrived that cannot be read. */
  messageError(error: unknown): void;
  /** The worker has exited, or nothing more can be heard of it. It may be called more than once. */
  exited(exit: WorkerExit): void;
}

/**
 * One thread or child process, started by a Tinypool of its own, and a second way to and from it.
 *
 * Everything that has to be known of Tinypool is here. A pool of many hides which worker has a task, and waits for ever
 * for a thread that has exited; with one worker to a pool it is known who has died, and nobody else is touched.
 */
export class TinypoolWorker {
  readonly #pool: Tinypool;
  readonly #threads: boolean;
  readonly #pulse: Int32Array | undefined;
  readonly #channel = {
    postMessage: (message: { rxParfor?: WorkerMessage } | null) => {
      // A task may send something of its own.
      if (message && Object.hasOwn(message, 'rxParfor'))
        this.observer.message(message.rxParfor as WorkerMessage);
    },
  };
  #worker: Tinypool['threads'][number] | undefined;
  #port: MessagePort | undefined;
  /** Settles when all that a child has written has been passed on. */
  #output: Promise<unknown> = Promise.resolve();

  constructor(
    { pulse, ...options }: TinypoolWorkerOptions,
    private readonly observer: TinypoolWorkerObserver,
  ) {
    this.#pulse = pulse;
    this.#threads = options.runtime === 'worker_threads';
    const Tinypool = tinypoolClass();
    this.#pool = new Tinypool({
      // Own ones, so that none is inherited.
      env: undefined,
      execArgv: undefined,
      resourceLimits: undefined,
      argv: undefined,
      workerData: undefined,
      ...options,
      // Zero, so that Tinypool does not replace a worker that dies: the executor decides whether one is needed.
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: MAX_TIMER_MS,
      // Blocked in Atomics.wait a worker could neither notice stray errors nor forget definitions; it costs nothing.
      useAtomics: false,
      // Only between processes: the default there is JSON.
      serialization: 'advanced',
    } as unknown as TinypoolOptions);
    // Tinypool tells of a worker that dies between tasks as an `error` event; its exit, which says more, goes first.
    this.#pool.on('error', error =>
      setImmediate(() => observer.exited({ exitCode: undefined, reason: reasonOf(error), cause: error })),
    );
  }

  /**
   * Starts the worker, where that is not done. Its first chunk goes apart from that: an input that ends it as it is read
   * is not the set-up.
   * @throws the error of Node where it refuses to start a worker, for its `execArgv` or `env`; RunInWorkerError where
   * this is a worker that was started by one
   */
  start(): void {
    if (this.#worker) return;
    const depth = (workerState()?.depth ?? 0) + 1;
    if (depth > MAX_DEPTH)
      throw new RunInWorkerError(
        'a worker that was started by a worker was to start workers; within tasks leave `executor` out, as the default is inline() there',
      );
    const port = this.#threads ? this.#openPort() : undefined;
    const settled = this.#pool.run({ port, depth, pulse: this.#pulse } satisfies StartMessage, {
      filename: (entry ??= workerEntry()),
      name: 'default',
      transferList: port ? [port] : [],
      ...(this.#threads ? {} : { channel: this.#channel }),
    });
    this.#listen();
    settled.catch(error =>
      this.observer.exited({ exitCode: undefined, reason: reasonOf(error), cause: error }),
    );
  }

  /**
   * Sends the worker a command.
   * @throws the error of Node where it cannot clone the message
   */
  send(command: WorkerCommand, transferList: readonly Transferable[] = []): void {
    if (this.#threads) this.#port?.postMessage(command, transferList as Transferable[]);
    else (this.#worker as unknown as { send(message: unknown): void }).send({ rxParfor: command });
  }

  /** Hears what a thread has said so far, without waiting for the event loop. Of a process there is no way to do so. */
  poll(): void {
    while (this.#port) {
      let entry: { message: unknown } | undefined;
      try {
        entry = receiveMessageOnPort(this.#port);
      } catch (error) {
        return this.observer.messageError(error);
      }
      if (!entry) return;
      this.observer.message(entry.message as WorkerMessage);
    }
  }

  /** Has Tinypool no longer listen to the worker: a message that a task sends by `parentPort` would count as its error. */
  stopListening(): void {
    const { thread } = (this.#worker ?? {}) as { thread?: NodeJS.EventEmitter & { unref(): void } };
    if (!thread) return;
    thread.removeAllListeners('message');
    thread.on('message', warnOfUnheard);
    thread.on('messageerror', warnOfUnheard);
    // A listener holds the program open.
    thread.unref();
  }

  /** Ends a child process whatever it does, also one that was stopped. A thread needs none of it. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  /** Ends the worker; resolves when it has really stopped, and keeps the program alive until then. */
  async destroy(): Promise<void> {
    const worker = this.#worker;
    if (!worker) return this.abandon();
    const child = this.#child;
    const exited = new Promise<void>(resolve => worker.once('exit', () => resolve()));
    worker.ref?.();
    // A child leaves signals to its parent: it ends when its channel closes, or else is killed.
    if (child?.connected) child.disconnect();
    const timer = setTimeout(() => this.kill(), END_GRACE_MS);
    this.abandon();
    await exited;
    clearTimeout(timer);
    await this.#passOutput();
  }

  get #child(): ChildProcess | undefined {
    return (this.#worker as { process?: ChildProcess } | undefined)?.process;
  }

  /** Resolves when the output has been passed on; a process that the child has left behind may hold it open. */
  async #passOutput(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise(resolve => {
      timer = setTimeout(resolve, END_GRACE_MS);
    });
    await Promise.race([this.#output, late]);
    clearTimeout(timer);
  }

  /** Lets go of a worker that has exited. */
  abandon(): void {
    this.#port?.close();
    this.#port = undefined;
    // Its promise never settles where the worker has exited already.
    this.#pool.destroy().catch(() => undefined);
  }

  #openPort(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (message: WorkerMessage) => this.observer.message(message));
    port1.on('messageerror', (error: unknown) => this.observer.messageError(error));
    port1.unref();
    this.#port = port1;
    return port2;
  }

  // The pool has started its worker with its first task. Of a thread that exits Tinypool would say nothing.
  #listen(): void {
    const worker = this.#pool.threads[0];
    if (!worker) return;
    this.#worker = worker;
    shield(worker);
    const child = this.#child;
    if (child) {
      // What a task starts may read its standard input: there is none.
      child.stdin?.end();
      this.#output = Promise.all([
        forward(child.stdout, process.stdout),
        forward(child.stderr, process.stderr),
      ]);
    }
    // A thread's error, out of memory above all, comes just before its exit and says more.
    let last: unknown;
    if (this.#threads)
      worker.once('error', error => {
        last = error;
      });
    worker.once('exit', (code: number | null, signal?: string) =>
      this.observer.exited({
        exitCode: code ?? undefined,
        reason: last ? reasonOf(last) : signal ? `killed by ${signal}` : `exit code ${code}`,
        cause: last,
      }),
    );
    // Of a child that closes its channel nothing more is heard. One that ends closes it as well.
    worker.once('disconnect', () =>
      setTimeout(
        () => this.observer.exited({ exitCode: undefined, reason: 'its channel was closed' }),
        DISCONNECT_GRACE_MS,
      ).unref(),
    );
  }
}

/**
 * Passes a child's output on; settles when all of it has been. Tinypool's own pipe lets go of it at the exit of the child,
 * with what has not been read by then.
 */
function forward(from: Readable | null, to: NodeJS.WriteStream): Promise<void> {
  if (!from) return Promise.resolve();
  from.unpipe(to);
  const passing = new PassThrough();
  from.pipe(passing).pipe(to, { end: false });
  return new Promise(resolve => passing.once('end', resolve));
}

/** Returns the thread or process that Tinypool wraps. */
const wrapped = (worker: object): NodeJS.EventEmitter | undefined => {
  const { thread, process: child } = worker as Record<'thread' | 'process', NodeJS.EventEmitter | undefined>;
  return thread ?? child;
};

/** Gives Tinypool's worker the `removeListener` that `once(worker, 'exit')` needs when an error comes meanwhile. */
function shield(worker: object): void {
  const inner = wrapped(worker);
  Object.assign(worker, {
    removeListener: (event: string, listener: (...values: unknown[]) => void) =>
      inner?.removeListener(event, listener),
  });
}

let warned = false;

function warnOfUnheard(): void {
  if (warned) return;
  warned = true;
  process.emitWarning(
    'a task has sent a message by `parentPort`, and nobody listens there; return the value, or open a MessageChannel of your own',
    { type: 'UnheardMessageWarning', code: 'RX_PARFOR_UNHEARD' },
  );
}

function reasonOf(error: unknown): string {
  const { code, message } = Object(error) as { code?: unknown; message?: unknown };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return 'out of memory';
  return typeof message === 'string' ? message : describeThrown(error);
}
