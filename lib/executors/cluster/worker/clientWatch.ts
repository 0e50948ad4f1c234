import type { ClientHeartbeat } from '../protocol/messages.js';
import { readClientHeartbeat } from '../protocol/validate.js';

/** The looks in a row in which a client is missing until it is gone: one that was just cut off may be back in the next. */
const MAX_MISSED_LOOKS = 2;

/** Hears what becomes of the clients whose chunks or runs a worker has. */
export interface ClientObserver {
  /** The client is there, and says what it waits for. */
  waits(client: string, heartbeat: ClientHeartbeat): void;
  /** The client is gone, or has nothing to wait for. */
  gone(client: string): void;
  /** The client's heartbeat cannot be read. */
  rejected(client: string, error: Error): void;
}

/** Watches which clients are there, by their heartbeats. */
export class ClientWatch {
  /** Looks in which a client was missing. */
  readonly #missed = new Map<string, number>();

  constructor(private readonly observer: ClientObserver) {}

  /**
   * Looks for clients.
   * @param ask returns the heartbeat of each as JSON, `null` where it has none; a client may be left out
   */
  async look(
    clients: readonly string[],
    ask: (clients: readonly string[]) => Promise<ReadonlyMap<string, string | null>>,
  ): Promise<void> {
    for (const client of this.#missed.keys()) if (!clients.includes(client)) this.#missed.delete(client);
    for (const [client, text] of await ask(clients))
      if (text === null) this.#miss(client);
      else this.#meet(client, text);
  }

  #miss(client: string): void {
    const missed = (this.#missed.get(client) ?? 0) + 1;
    if (missed < MAX_MISSED_LOOKS) {
      this.#missed.set(client, missed);
      return;
    }
    this.#missed.delete(client);
    this.observer.gone(client);
  }

  #meet(client: string, text: string): void {
    this.#missed.delete(client);
    try {
      this.observer.waits(client, readClientHeartbeat(text));
    } catch (error) {
      this.observer.rejected(client, error as Error);
    }
  }
}
