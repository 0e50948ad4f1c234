/** A message from Redis that is not what it should be. */
export class MessageError extends Error {}

const setName = (Class: { prototype: object }, name: string) =>
  Object.defineProperty(Class.prototype, 'name', { value: name, configurable: true, writable: true });

/** No worker of the queue was connected for `workerTimeout` ms. */
export class NoWorkersError extends Error {
  readonly queue: string;

  constructor(queue: string, why: string) {
    super(why);
    this.queue = queue;
  }
}
setName(NoWorkersError, 'NoWorkersError');

/** A worker does not run the task: it is shipped as source, lies outside its root, or is another version of it. */
export class TaskRefusedError extends Error {
  /** The worker, by its host and process id. */
  readonly worker: string;
  readonly why: string;

  constructor(worker: string, why: string) {
    super(`the worker ${worker} refuses: ${why}`);
    this.worker = worker;
    this.why = why;
  }
}
setName(TaskRefusedError, 'TaskRefusedError');
