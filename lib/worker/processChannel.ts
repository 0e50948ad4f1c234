import { setImmediate } from 'node:timers';
import type { ColumnBatch } from '../protocol/columnBatch.js';
import type { WorkerCommand, WorkerMessage } from '../protocol/messages.js';
import type { CommandObserver, WorkerChannel } from './workerChannel.js';

/** The bytes that a channel between processes takes at once. */
const MAX_QUICK_BYTES = 65_536;

/** True if a batch is numbers, and not many of them. */
const isQuick = ({ columns }: Pick<ColumnBatch, 'columns'>): boolean =>
  columns.every(column => column instanceof Float64Array) &&
  columns.reduce((sum, { length }) => sum + length, 0) * 8 < MAX_QUICK_BYTES;

/** The parts of `process` that a channel needs. */
export type ChildProcess = Pick<NodeJS.Process, 'send' | 'exit' | 'on'>;

/** A child process's channel. Tasks may replace parts of `process`: this goes on with those that it was made with. */
export class ProcessChannel implements WorkerChannel {
  readonly sharedMemory = false;
  readonly #process: ChildProcess;
  readonly #send: ChildProcess['send'];
  readonly #exit: ChildProcess['exit'];

  constructor(process: ChildProcess) {
    this.#process = process;
    this.#send = process.send?.bind(process);
    this.#exit = process.exit.bind(process);
  }

  listen(observer: CommandObserver): void {
    this.#process.on('message', message => {
      // A task may be sent something of its own.
      if (message && Object.hasOwn(message, 'rxParfor'))
        observer.command((message as { rxParfor: WorkerCommand }).rxParfor);
    });
    // Its executor ends a child so; signals it leaves to the program.
    this.#process.on('disconnect', () => this.#exit());
  }

  post(message: WorkerMessage): void {
    // A large report is long on its way. That no task runs meanwhile is heard at once.
    if (message.kind === 'report' && !isQuick(message.rows)) this.#send?.({ rxParfor: { kind: 'returned' } });
    this.#send?.({ rxParfor: message });
  }

  hearArrived(): Promise<void> {
    return new Promise(resolve => setImmediate(resolve));
  }

  exit(): void {
    // What was sent leaves in its order.
    this.#send?.({}, () => this.#exit(1));
  }
}
