import { nameError } from '../../../errors.js';
import type { NotRunnable } from '../../../protocol/messages.js';

/** A message from Redis was rejected: it is malformed, too long, or of another version. */
export class MessageError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'MessageError', 'RX_PARFOR_MESSAGE');
  declare readonly code: 'RX_PARFOR_MESSAGE';
}

/** No worker of the queue was connected for `workerTimeout` ms. */
export class NoWorkersError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'NoWorkersError', 'RX_PARFOR_NO_WORKERS');
  declare readonly code: 'RX_PARFOR_NO_WORKERS';
  readonly queue: string;

  constructor(queue: string, why: string) {
    super(why);
    this.queue = queue;
  }
}

/** A worker does not run the task: it is shipped as source, lies outside its root, or is another version of it. */
export class TaskRefusedError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'TaskRefusedError', 'RX_PARFOR_TASK_REFUSED');
  declare readonly code: 'RX_PARFOR_TASK_REFUSED';
  /** The worker's address: its host and process id. */
  readonly worker: string;
  readonly why: string;

  constructor(worker: string, why: string) {
    super(`the worker ${worker} refuses: ${why}`);
    this.worker = worker;
    this.why = why;
  }
}

/** Thrown on a worker that must not run a task; the client gets a `TaskRefusedError` with its message. */
export class WorkerRefusalError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'WorkerRefusalError', 'RX_PARFOR_WORKER_REFUSAL');
  declare readonly code: 'RX_PARFOR_WORKER_REFUSAL';
}

/** Thrown on a worker where a client's task cannot be run; the client makes its own error of the outcome. */
export class RemoteOutcomeError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'RemoteOutcomeError', 'RX_PARFOR_REMOTE_OUTCOME');
  declare readonly code: 'RX_PARFOR_REMOTE_OUTCOME';

  constructor(readonly outcome: NotRunnable) {
    super('the task cannot be run');
  }
}
