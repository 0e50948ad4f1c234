/** The queue, as clients and workers find each other by it. BullMQ's own keys of the queue start with the same words. */
export interface QueueName {
  readonly queue: string;
  readonly prefix: string;
}

/** A client that has sent no heartbeat for so long is dead, in ms: its chunks are cancelled. */
export const CLIENT_LIFETIME_MS = 6_000;

/** A worker that has sent no heartbeat for so long is gone, in ms: its chunks run elsewhere. */
export const WORKER_LIFETIME_MS = 3_000;

/**
 * The lifetime of definitions, inputs and reports in Redis, in ms. A client that lives prolongs them, and sends again what
 * was lost.
 */
export const PAYLOAD_LIFETIME_MS = 20_000;

/** The names of all keys and channels of one queue. */
export class Keys {
  readonly #base: string;

  constructor({ queue, prefix }: QueueName) {
    this.#base = `${prefix}:${queue}:parfor`;
  }

  /** The set of the ids of workers. */
  get workers(): string {
    return `${this.#base}:workers`;
  }

  /** The channel on which clients tell all workers of runs and chunks that nobody waits for any more. */
  get cancelled(): string {
    return `${this.#base}:cancelled`;
  }

  /** A worker's heartbeat, as JSON. */
  worker(id: string): string {
    return `${this.#base}:worker:${id}`;
  }

  /** A client's heartbeat, as JSON. */
  client(id: string): string {
    return `${this.#base}:client:${id}`;
  }

  /** The stream in which workers report to a client. */
  reports(client: string): string {
    return `${this.#base}:reports:${client}`;
  }

  /** The definition of a run: what its chunks share. */
  definition(client: string, run: number): string {
    return `${this.#base}:run:${client}:${run}`;
  }

  /** The inputs of a chunk, until a worker takes them. */
  inputs(client: string, chunk: number): string {
    return `${this.#base}:chunk:${client}:${chunk}`;
  }
}

/** Returns the id of a chunk's job in BullMQ. */
export const jobId = (client: string, chunk: number): string => `${client}-${chunk}`;

/** Returns the client of a chunk's job, `undefined` where the job is not one of `bullmq()`. */
export const clientOf = (job: string): string | undefined => /^([0-9a-f]{16})-\d+$/.exec(job)?.[1];
