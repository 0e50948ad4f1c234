import { NotTransferableError } from '../../../errors.js';
import type { Run } from '../../../executor.js';
import { definitionOf } from '../../pool/definitionOf.js';
import { toBytes } from '../protocol/codec.js';
import { tooLarge } from '../protocol/messageSize.js';
import type { DefinitionPayload } from '../protocol/messages.js';
import { clusterFunctionOf, clusterTaskOf } from './clusterTaskOf.js';

/** A run as its client knows it. */
export interface SharedRun {
  readonly id: number;
  /** The run's definition: what its chunks share. */
  readonly definition: Buffer;
  /** True if workers find the definition in Redis, as far as this client knows. */
  stored: boolean;
}

/** The runs of a client that are under way, each with its definition, which is made once. */
export class SharedRuns {
  readonly #known = new WeakMap<Run, SharedRun>();
  readonly #active = new Set<SharedRun>();
  #lastId = 0;

  constructor(private readonly options: { readonly root: string; readonly maxMessage: number }) {}

  /** The id of the run that came last. */
  get lastId(): number {
    return this.#lastId;
  }

  get active(): readonly SharedRun[] {
    return [...this.#active];
  }

  /**
   * Returns what is known of a run.
   * @throws NotTransferableError, TaskNotFoundError, TypeError where its definition cannot cross
   */
  share(run: Run): SharedRun {
    const known = this.#known.get(run);
    if (known) return known;
    const definition = this.#define(run);
    this.#lastId += 1;
    const shared: SharedRun = { id: this.#lastId, definition, stored: false };
    this.#known.set(run, shared);
    this.#active.add(shared);
    return shared;
  }

  /** Forgets a run that is over, and returns what was known of it. */
  forget(run: Run): SharedRun | undefined {
    const shared = this.#known.get(run);
    if (!shared) return undefined;
    this.#known.delete(run);
    this.#active.delete(shared);
    return shared;
  }

  #define(run: Run): Buffer {
    const { root, maxMessage } = this.options;
    const { task, args, kwargs, spread, tag, functions } = definitionOf(run, 0, false);
    const payload: DefinitionPayload = {
      task: clusterTaskOf(task, root),
      args,
      kwargs,
      spread,
      taskTimeout: run.taskTimeout,
      tag,
      functions: functions.map(reference => clusterFunctionOf(reference, root)),
    };
    const bytes = toBytes(payload);
    if (bytes.length <= maxMessage) return bytes;
    const failed = { index: undefined, input: undefined };
    throw new NotTransferableError(failed, 'args', '', tooLarge(bytes.length, maxMessage));
  }
}
