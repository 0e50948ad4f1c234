import type { ClientHeartbeat } from '../protocol/messages.js';
import type { RemoteRun } from './remoteChunkCodec.js';

/** A run of a client, as this worker knows it. */
interface KnownRun {
  readonly client: string;
  readonly id: number;
  readonly run: Promise<RemoteRun | undefined>;
}

/** The runs of clients that a worker knows: fetched with their first chunk here, and kept until they are over. */
export class RemoteRuns {
  readonly #known = new Map<string, KnownRun>();

  /**
   * @param fetch returns a run by its definition, `undefined` where Redis has none of it any more
   * @param onForgotten hears of a run that is forgotten
   */
  constructor(
    private readonly fetch: (client: string, id: number) => Promise<RemoteRun | undefined>,
    private readonly onForgotten: (run: RemoteRun) => void,
  ) {}

  /** The clients whose runs are known. */
  get clients(): string[] {
    return [...new Set([...this.#known.values()].map(({ client }) => client))];
  }

  get(client: string, id: number): Promise<RemoteRun | undefined> {
    const key = `${client}:${id}`;
    const known = this.#known.get(key);
    if (known) return known.run;
    const run = this.fetch(client, id);
    const added: KnownRun = { client, id, run };
    this.#known.set(key, added);
    const remove = () => {
      if (this.#known.get(key) === added) this.#known.delete(key);
    };
    run.then(found => {
      if (!found) remove();
    }, remove);
    return run;
  }

  forget(client: string, id: number): void {
    const key = `${client}:${id}`;
    const known = this.#known.get(key);
    this.#known.delete(key);
    known?.run.then(
      run => run && this.onForgotten(run),
      () => undefined,
    );
  }

  /** Forgets the runs of a client that are over, by its heartbeat. */
  forgetOver(client: string, { lastRun, runs }: ClientHeartbeat): void {
    for (const id of this.#idsOf(client)) if (id <= lastRun && !runs.includes(id)) this.forget(client, id);
  }

  /** Forgets all runs of a client that is gone. */
  forgetClient(client: string): void {
    for (const id of this.#idsOf(client)) this.forget(client, id);
  }

  #idsOf(client: string): number[] {
    return [...this.#known.values()].filter(known => known.client === client).map(({ id }) => id);
  }
}
