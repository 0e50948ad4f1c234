import type { Redis } from 'ioredis';

/** Decides whether connections keep the program alive, also after they were made again. */
export class KeepAlive {
  #held = false;

  constructor(private readonly connections: readonly Redis[]) {
    for (const connection of connections) connection.on('connect', () => this.#apply(connection));
  }

  /** From now on the connections keep the program alive. */
  hold(): void {
    this.#set(true);
  }

  /** From now on the program may end, whatever the connections do. */
  release(): void {
    this.#set(false);
  }

  #set(held: boolean): void {
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
