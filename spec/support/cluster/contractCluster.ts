import { type Observable, Subject } from 'rxjs';
import type { Chunk, Executor, Report, Run } from '../../../lib/executor.js';
import { bullmq, type ClusterWorker, clusterWorker } from '../../../lib/executors/cluster/index.js';
import type { MakeOptions } from '../../contract/subject.js';

let queues = 0;

/** A cluster of one worker, which lives as long as its executor, as the contract asks of `make`. */
export class ContractCluster implements Executor {
  readonly changes = new Subject<void>();
  readonly #executor: Executor;
  readonly #worker: Promise<ClusterWorker>;
  readonly #workers: number;

  constructor(port: number, { workers = 2, heap, idleTimeout, env, execArgv }: MakeOptions = {}) {
    queues += 1;
    const shared = { queue: `contract-${process.pid}-${queues}`, connection: { port }, root: '/' };
    this.#workers = workers;
    this.#executor = bullmq(shared);
    this.#worker = clusterWorker({
      ...shared,
      threads: workers,
      allowInline: true,
      grace: 100,
      ...(idleTimeout !== undefined && { idleTimeout }),
      ...(env && { env }),
      ...(execArgv && { execArgv }),
      ...(heap !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heap } }),
    });
  }

  /** The contract's executors know their number at once; a cluster's only when it has met its workers. */
  get parallelism(): number {
    return this.#workers;
  }

  get chunkPolicy(): Executor['chunkPolicy'] {
    return this.#executor.chunkPolicy;
  }

  run(chunk: Chunk): Observable<Report> {
    return this.#executor.run(chunk);
  }

  forget(run: Run): void {
    this.#executor.forget?.(run);
  }

  async close(): Promise<void> {
    await this.#executor.close();
    await (await this.#worker).close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
