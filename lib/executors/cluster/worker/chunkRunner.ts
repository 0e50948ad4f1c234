import type { ResourceLimits } from 'node:worker_threads';
import { WorkerPool } from '../../pool/workerPool.js';
import { parallelismOf, threadArguments } from '../../workerOptions.js';
import { endBefore } from '../protocol/chunkEnd.js';
import { MessageError } from '../protocol/errors.js';
import { tooLarge } from '../protocol/messageSize.js';
import { TIME_SLICE_MS } from '../protocol/timing.js';
import { readChunk, readDefinition } from '../protocol/validate.js';
import type { ChunkStore } from '../redis/chunkStore.js';
import type { HeldChunk, HeldChunkEnd } from './heldChunk.js';
import { ModuleTasks } from './moduleTasks.js';
import { type RemoteChunk, type RemoteRun, remoteChunkCodec } from './remoteChunkCodec.js';
import { RemoteRuns } from './remoteRuns.js';
import { Reporter } from './reporter.js';
import type { WorkerEvent } from './workerEvent.js';

export interface ChunkRunnerOptions {
  readonly root: string;
  /** `undefined` for as many as there are cores. */
  readonly threads?: number;
  readonly allowInline: boolean;
  readonly maxMessage: number;
  readonly idleTimeout: number;
  readonly env?: Record<string, string>;
  readonly execArgv?: string[];
  readonly resourceLimits?: ResourceLimits;
  readonly log: (event: WorkerEvent) => void;
}

/** Runs chunks on threads of its own: takes their inputs out of Redis, and reports what becomes of them. */
export class ChunkRunner {
  readonly threads: number;
  /** The runs whose chunks have come here. */
  readonly runs: RemoteRuns;
  readonly #pool: WorkerPool;
  readonly #tasks: ModuleTasks;

  /** @param worker its id */
  constructor(
    private readonly options: ChunkRunnerOptions,
    private readonly worker: string,
    private readonly store: ChunkStore,
  ) {
    const { threads, allowInline, root, idleTimeout, env, execArgv, resourceLimits } = options;
    this.threads = parallelismOf(threads).parallelism;
    this.#tasks = new ModuleTasks(root, { allowInline });
    this.#pool = new WorkerPool({
      runtime: 'worker_threads',
      parallelism: this.threads,
      elastic: false,
      idleTimeout,
      timeSlice: TIME_SLICE_MS,
      codec: remoteChunkCodec,
      ...threadArguments(execArgv),
      ...(env && { env }),
      ...(resourceLimits && { resourceLimits }),
    });
    this.runs = new RemoteRuns(
      (client, id) => this.#fetch(client, id),
      run => this.#pool.forget(run),
    );
  }

  /** Runs a chunk, unless its inputs were taken before or nobody waits for them. */
  async run(held: HeldChunk): Promise<void> {
    const { client, chunk } = held.job;
    const { maxMessage, log } = this.options;
    const taken = await this.store.takeInputs(client, chunk, this.worker, maxMessage);
    if (taken === undefined) return;
    const reporter = new Reporter(maxMessage, payload => this.store.addReports(client, chunk, payload));
    let end: HeldChunkEnd;
    try {
      end = await this.#execute(held, taken, reporter);
    } catch (error) {
      end = endBefore(error);
      const message = `${end.kind === 'refused' ? 'rejected: ' : ''}${(error as Error).message}`;
      log({ event: 'fault', message, job: held.id });
    }
    if (end !== 'cancelled') await reporter.end(end);
    else reporter.cancel();
    log({
      event: 'chunk',
      job: held.id,
      inputs: held.length,
      settled: held.settled,
      end: end === 'cancelled' ? end : end.kind,
      elapsed: Math.round(held.elapsed),
    });
  }

  /** Ends the threads. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /**
   * Runs a chunk whose inputs were taken.
   * @param taken the inputs; their size where they are too large
   * @throws MessageError, WorkerRefusalError, TaskNotFoundError where the chunk cannot begin
   */
  async #execute(held: HeldChunk, taken: Buffer | number, reporter: Reporter): Promise<HeldChunkEnd> {
    if (typeof taken === 'number')
      throw new MessageError(`the chunk is ${tooLarge(taken, this.options.maxMessage)}`);
    const { inputs, functions } = readChunk(taken);
    const message = { ...inputs, functions: this.#tasks.receiveAll(functions) };
    held.length = message.length;
    const run = await this.runs.get(held.job.client, held.job.run);
    if (run === undefined) return { kind: 'definition missing' };
    for (const reference of [run.definition.task, ...run.definition.functions])
      this.#tasks.confirm(reference);
    const chunk: RemoteChunk = { run, first: 0, inputs: { length: message.length }, message };
    return held.execute(this.#pool.run(chunk), reporter);
  }

  /** Reads what the chunks of a run share; `undefined` where Redis does not have it any more. */
  async #fetch(client: string, id: number): Promise<RemoteRun | undefined> {
    const bytes = await this.store.readDefinition(client, id, this.options.maxMessage);
    if (!bytes) return undefined;
    const { task, args, kwargs, spread, tag, functions, taskTimeout } = readDefinition(bytes);
    return {
      task: () => undefined,
      args: [],
      kwargs: undefined,
      spread,
      concurrency: this.threads,
      taskTimeout,
      definition: {
        task: this.#tasks.receive(task),
        args,
        kwargs,
        spread,
        tag,
        functions: this.#tasks.receiveAll(functions),
      },
    };
  }
}
