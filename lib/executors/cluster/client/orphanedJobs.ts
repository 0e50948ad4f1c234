import type { HeartbeatStore } from '../redis/heartbeatStore.js';
import type { JobQueue } from '../redis/jobQueue.js';
import { clientOf } from '../redis/keys.js';

/** The most jobs that are looked at: those that have waited longest. */
const MAX_JOBS = 100;

/** Removes the jobs of clients that died before any worker took them: a job has no time to live. */
export class OrphanedJobs {
  /** Jobs whose clients were not there at the last look. */
  #suspects: ReadonlySet<string> = new Set();

  /** @param client this client's id: its own jobs are left alone */
  constructor(
    private readonly client: string,
    private readonly heartbeats: HeartbeatStore,
  ) {}

  /** Removes the jobs whose clients are missing for the second time: one whose thread is busy for long may be back. */
  async removeFrom(queue: JobQueue): Promise<void> {
    const ids = await queue.longestWaiting(MAX_JOBS);
    const jobs = ids.flatMap(id => {
      const client = clientOf(id);
      return client === undefined || client === this.client ? [] : [{ id, client }];
    });
    const there = await Promise.all(jobs.map(({ client }) => this.heartbeats.hasClient(client)));
    const orphaned = jobs.filter((_, i) => !there[i]).map(({ id }) => id);
    await Promise.all(orphaned.filter(id => this.#suspects.has(id)).map(id => queue.remove(id)));
    this.#suspects = new Set(orphaned);
  }
}
