import type { ClientBeat } from '../protocol/messages.js';
import type { RemoteRun } from './remoteChunkCodec.js';

/** A run of a client, as this worker knows it. */
interface Known {
  readonly client: string;
  readonly id: number;
  readonly run: Promise<RemoteRun | undefined>;
}

/** The runs of clients that a worker knows: fetched with their first chunk here, kept until nobody waits for them. */
export class RemoteRuns {
  readonly #known = new Map<string, Known>();

  /**
   * @param fetch gives what the chunks of a run share, `undefined` where Redis has it no more
   * @param release is told of a run that is forgotten
   */
  constructor(
    private readonly fetch: (client: string, id: number) => Promise<RemoteRun | undefined>,
    private readonly release: (run: RemoteRun) => void,
  ) {}

  /** Whose runs they are. */
  get clients(): string[] {
    return [...new Set([...this.#known.values()].map(({ client }) => client))];
  }

  get(client: string, id: number): Promise<RemoteRun | undefined> {
    const key = `${client}:${id}`;
    const known = this.#known.get(key);
    if (known) return known.run;
    const run = this.fetch(client, id);
    const one: Known = { client, id, run };
    this.#known.set(key, one);
    const forget = () => {
      if (this.#known.get(key) === one) this.#known.delete(key);
    };
    run.then(found => {
      if (!found) forget();
    }, forget);
    return run;
  }

  forget(client: string, id: number): void {
    const key = `${client}:${id}`;
    const known = this.#known.get(key);
    this.#known.delete(key);
    known?.run.then(
      run => run && this.release(run),
      () => undefined,
    );
  }

  /** Forgets those of a client that it does not wait for; all of them where it is gone. */
  forgetOthers(client: string, beat: ClientBeat | undefined): void {
    for (const one of [...this.#known.values()])
      if (one.client === client && !(beat && (one.id > beat.lastRun || beat.runs.includes(one.id))))
        this.forget(client, one.id);
  }
}
