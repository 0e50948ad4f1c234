/** What a client and a worker find each other by in Redis. BullMQ's own keys of the queue start with the same words. */
export interface QueueName {
  readonly queue: string;
  readonly prefix: string;
}

/** How long what is left behind may stay in Redis, in ms. */
export const LIFETIME = {
  /** A client that has not been heard of for so long is dead: its chunks are dropped. */
  client: 6_000,
  /** As above, for a worker: its chunks run elsewhere. */
  worker: 3_000,
  /** Definitions, inputs and reports; a client that lives prolongs them, and sends again what was lost. */
  payload: 20_000,
};

/** How many beats lie between two prolongations. */
export const PROLONG_AFTER = 10;

/** How often clients and workers say that they are there, in ms. */
export const BEAT = 500;

/**
 * A chunk holds about this much work, in ms. A trip costs some 1.3 ms of a core (bench/cluster.ts), most of it BullMQ's
 * bookkeeping: with 100 ms it is below 2 %. A worker reports far more often, and a cancelled one stops between tasks.
 */
export const SLICE = 100;

/** BullMQ's default. */
export const DEFAULT_PREFIX = 'bull';

/** The names of all keys and channels of one queue. */
export class Keys {
  readonly #base: string;

  constructor({ queue, prefix }: QueueName) {
    this.#base = `${prefix}:${queue}:parfor`;
  }

  /** The set of workers' ids. */
  get workers(): string {
    return `${this.#base}:workers`;
  }

  /** What all workers listen to: runs and chunks that nobody waits for any more. */
  get cancelled(): string {
    return `${this.#base}:cancelled`;
  }

  /** A worker's sign of life, as JSON. */
  worker(id: string): string {
    return `${this.#base}:worker:${id}`;
  }

  /** A client's sign of life, as JSON. */
  client(id: string): string {
    return `${this.#base}:client:${id}`;
  }

  /** The stream of what workers report to a client. */
  reports(client: string): string {
    return `${this.#base}:reports:${client}`;
  }

  /** What the chunks of a run share. */
  definition(client: string, run: number): string {
    return `${this.#base}:run:${client}:${run}`;
  }

  /** The inputs of a chunk, until a worker takes them. */
  inputs(client: string, chunk: number): string {
    return `${this.#base}:chunk:${client}:${chunk}`;
  }
}

/** The id of a chunk's job in BullMQ. */
export const jobId = (client: string, chunk: number): string => `${client}-${chunk}`;

/** The client of a chunk's job, `undefined` where it is a job of somebody else. */
export const clientOf = (job: string): string | undefined => /^([0-9a-f]{16})-\d+$/.exec(job)?.[1];
