import process from 'node:process';
import type { MessagePort } from 'node:worker_threads';
import type { Transferable, WorkerMessage } from '../protocol/messages.js';
import type { CommandObserver, WorkerChannel } from './workerChannel.js';

/** As it was when this was loaded: tasks may replace it. */
const exit = process.exit.bind(process);

/** A thread's channel: a port of its own, as Tinypool measures the worker's memory after each task of its. */
export class PortChannel implements WorkerChannel {
  readonly sharedMemory = true;
  readonly #port: MessagePort;
  readonly #post: MessagePort['postMessage'];

  constructor(port: MessagePort) {
    this.#port = port;
    this.#post = port.postMessage.bind(port);
  }

  listen(observer: CommandObserver): void {
    this.#port.on('message', command => observer.command(command));
    this.#port.on('messageerror', error => observer.unreadable(error));
    // The worker ends when its executor ends it, and is not held open by this.
    this.#port.unref();
  }

  post(message: WorkerMessage, transferList: readonly Transferable[] = []): void {
    this.#post(message, transferList as Transferable[]);
  }

  /** A chunk's state is in shared memory: there is nothing to wait for. */
  async hearArrived(): Promise<void> {}

  exit(): void {
    exit(1);
  }
}
