import type { ClientHeartbeat } from '../protocol/messages.js';
import { HEARTBEAT_MS } from '../protocol/timing.js';
import type { HeartbeatStore } from '../redis/heartbeatStore.js';

/** Of so many heartbeats, one prolongs what is in Redis. */
const PROLONG_EVERY = 10;

/** Of so many heartbeats, one looks for chunks that nobody has taken. */
const RECOVER_EVERY = 10;

/** Has what a heartbeat says, and hears what it finds. */
export interface HeartbeatObserver {
  /** Returns what the client waits for. */
  state(): ClientHeartbeat;
  /** A heartbeat is due, whether Redis answers or not. */
  due(): void;
  /** Prolongs what waits in Redis, so that it does not expire. */
  prolong(): void;
  /** Redis has listed the workers that are there: their ids and heartbeats, not checked. */
  workers(found: readonly [id: string, heartbeat: string][]): void;
  /** It is time to look for chunks that nobody has taken. */
  recover(): Promise<void>;
  /** Redis could not be asked. */
  failed(error: Error): void;
}

/** Says twice a second that a client is there, and looks which workers are. */
export class Heartbeat {
  #timer: NodeJS.Timeout | undefined;
  #count = 0;
  /** True while a heartbeat waits for Redis; the next one is left out then. */
  #waiting = false;

  /**
   * @param client its id
   * @param ready resolves when Redis has answered for the first time
   */
  constructor(
    private readonly client: string,
    private readonly store: HeartbeatStore,
    private readonly ready: Promise<unknown>,
    private readonly observer: HeartbeatObserver,
  ) {}

  get started(): boolean {
    return this.#timer !== undefined;
  }

  /** Starts with a heartbeat now: workers take no chunk of a client that is not there. */
  start(): void {
    if (this.#timer) return;
    // What Redis has answered while the subscriber kept this thread busy is heard first.
    this.#timer = setInterval(() => setImmediate(() => this.#send()), HEARTBEAT_MS);
    this.#count = 0;
    // The last heartbeat before a rest may still be under way.
    if (this.#waiting) this.#say();
    else this.#send();
  }

  /** Stops, and takes the heartbeat back where `start` was called. */
  stop(): void {
    if (!this.#timer) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.store.removeClient(this.client).catch(error => this.observer.failed(error));
  }

  async #send(): Promise<void> {
    if (!this.#timer) return;
    this.observer.due();
    if (!this.#timer || this.#waiting) return;
    this.#waiting = true;
    try {
      await this.ready;
      if (!this.#timer) return;
      this.#say();
      if (this.#count % PROLONG_EVERY === PROLONG_EVERY - 1) this.observer.prolong();
      this.#count += 1;
      const found = await this.store.workers();
      if (!this.#timer) return;
      this.observer.workers(found);
      if (this.#count % RECOVER_EVERY === 0) await this.observer.recover();
    } catch (error) {
      this.observer.failed(error as Error);
    } finally {
      this.#waiting = false;
    }
  }

  #say(): void {
    this.store
      .putClient(this.client, this.observer.state())
      .catch(error => this.observer.failed(error as Error));
  }
}
