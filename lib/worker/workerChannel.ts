import type { Transferable, WorkerCommand, WorkerMessage } from '../protocol/messages.js';

/** Hears what the executor says. */
export interface CommandObserver {
  command(command: WorkerCommand): void;
  /** A message arrived that cannot be read. */
  unreadable(error: unknown): void;
}

/** A worker's way to its executor and back. */
export interface WorkerChannel {
  /** True if the executor is in this process: memory can be shared with it, and transferred to it. */
  readonly sharedMemory: boolean;
  /** Tells the observer from now on what the executor says. */
  listen(observer: CommandObserver): void;
  post(message: WorkerMessage, transferList?: readonly Transferable[]): void;
  /** Resolves when the observer has heard everything that has arrived by now. */
  hearArrived(): Promise<void>;
  /** Ends the worker as failed, once everything that was posted has left. */
  exit(): void;
}
