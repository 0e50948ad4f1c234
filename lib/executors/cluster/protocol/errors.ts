import { nameError } from '../../../errors.js';

/** A message from Redis is not what it should be. */
export class MessageError extends Error {
  declare readonly code: 'RX_PARFOR_MESSAGE';
}
nameError(MessageError, 'MessageError', 'RX_PARFOR_MESSAGE');

/** No worker of the queue was connected for `workerTimeout` ms. */
export class NoWorkersError extends Error {
  declare readonly code: 'RX_PARFOR_NO_WORKERS';
  readonly queue: string;

  constructor(queue: string, why: string) {
    super(why);
    this.queue = queue;
  }
}
nameError(NoWorkersError, 'NoWorkersError', 'RX_PARFOR_NO_WORKERS');

/** A worker does not run the task: it is shipped as source, lies outside its root, or is another version of it. */
export class TaskRefusedError extends Error {
  declare readonly code: 'RX_PARFOR_TASK_REFUSED';
  /** The worker, by its host and process id. */
  readonly worker: string;
  readonly why: string;

  constructor(worker: string, why: string) {
    super(`the worker ${worker} refuses: ${why}`);
    this.worker = worker;
    this.why = why;
  }
}
nameError(TaskRefusedError, 'TaskRefusedError', 'RX_PARFOR_TASK_REFUSED');
