import { Redis, type RedisOptions } from 'ioredis';

/** Where Redis is, as ioredis takes it: `{ url }`, or `{ host, port, username, password, tls, db, … }`. */
export type ClusterConnection = Omit<RedisOptions, 'replyMapping'> & {
  /** `redis://user:password@host:port/db`, or `rediss://…` for TLS. */
  readonly url?: string;
};

/** Longest wait between two tries to connect again, in ms. */
const MOST_WAIT = 1_000;

/**
 * A connection that is made with its first command, and made again for ever, or until `giveUp` says so.
 * @param giveUp whether the next try is one too many
 */
export function connectionTo(
  { url, ...options }: ClusterConnection,
  giveUp: () => boolean = () => false,
): Redis {
  const all = {
    ...options,
    replyMapping: 'legacy' as const,
    lazyConnect: true,
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => (giveUp() ? null : Math.min(50 * times, MOST_WAIT)),
  };
  return url === undefined ? new Redis(all) : new Redis(url, all);
}

/** Host and port, without the password. */
export const addressOf = ({ options }: Redis): string =>
  options.path ?? `${options.host ?? 'localhost'}:${options.port ?? 6379}`;

/** What an error of a connection says: where every address of a host refuses, its message is empty. */
export const saidBy = (error: Error): string | undefined =>
  error.message || (error as NodeJS.ErrnoException).code;

/** Whether a connection keeps the program alive, also after it was made again. */
export class Hold {
  #held = false;

  constructor(private readonly connections: readonly Redis[]) {
    for (const connection of connections) connection.on('connect', () => this.#apply(connection));
  }

  set(held: boolean): void {
    if (this.#held === held) return;
    this.#held = held;
    for (const connection of this.connections) this.#apply(connection);
  }

  #apply(connection: Redis): void {
    const stream = connection.stream as { ref?(): void; unref?(): void } | undefined;
    if (this.#held) stream?.ref?.();
    else stream?.unref?.();
  }
}
