import { Redis, type RedisOptions } from 'ioredis';

/** The address of Redis and how to connect to it, as ioredis takes them: `{ url }`, or `{ host, port, username, password, tls, db, … }`. */
export type ClusterConnection = Omit<RedisOptions, 'replyMapping'> & {
  /** `redis://user:password@host:port/db`, or `rediss://…` for TLS. */
  readonly url?: string;
};

/** The longest wait between two tries to connect again, in ms. */
const MAX_RECONNECT_DELAY_MS = 1_000;

/**
 * Returns a connection that is made with its first command, and made again for ever, or until `giveUp` returns true.
 * @param giveUp asked before each further try
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
    retryStrategy: (times: number) => (giveUp() ? null : Math.min(50 * times, MAX_RECONNECT_DELAY_MS)),
  };
  return url === undefined ? new Redis(all) : new Redis(url, all);
}

/** Returns host and port of a connection, without the password. */
export const addressOf = ({ options }: Redis): string =>
  options.path ?? `${options.host ?? 'localhost'}:${options.port ?? 6379}`;

/** Returns what an error of a connection says: its message is empty where every address of a host refuses. */
export const reasonOf = (error: Error): string | undefined =>
  error.message || (error as NodeJS.ErrnoException).code;
