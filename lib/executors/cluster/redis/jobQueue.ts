import { Queue } from 'bullmq';
import type { JobData } from '../protocol/messages.js';
import { jobId, type QueueName } from './keys.js';
import type { ScriptedRedis } from './scriptedRedis.js';

/** A client's view of BullMQ's queue: one job for each chunk. It knows which keys BullMQ keeps of a job. */
export class JobQueue {
  private constructor(
    private readonly queue: Queue,
    private readonly redis: ScriptedRedis,
  ) {}

  /**
   * Opens the queue when Redis has answered: BullMQ's queue would fail for good with the first try to reach it.
   * @param onError hears errors of the queue
   */
  static async open(
    { queue: name, prefix }: QueueName,
    redis: ScriptedRedis,
    onError: (error: Error) => void,
  ): Promise<JobQueue> {
    await new Promise<void>(resolve => redis.once('ready', resolve));
    const queue = new Queue(name, {
      connection: redis,
      prefix,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
      // The stream of events is for those who watch the queue; the results are not in it.
      streams: { events: { maxLen: 100 } },
    });
    queue.on('error', onError);
    await queue.waitUntilReady();
    return new JobQueue(queue, redis);
  }

  async add(job: JobData): Promise<void> {
    await this.queue.add('chunk', job, { jobId: jobId(job.client, job.chunk) });
  }

  async has(id: string): Promise<boolean> {
    return (await this.redis.exists(this.queue.toKey(id))) !== 0;
  }

  /** Returns the ids of the jobs that have waited longest, also those of others. */
  longestWaiting(count: number): Promise<string[]> {
    return this.redis.lrange(this.queue.toKey('wait'), -count, -1);
  }

  async remove(id: string): Promise<void> {
    await this.queue.remove(id);
  }

  /** Lets a job be removed whose worker is gone: the worker's lock would keep it until the lock expires. */
  async unlock(id: string): Promise<void> {
    await this.redis.del(`${this.queue.toKey(id)}:lock`);
  }

  /** Removes what BullMQ noted of a job to see whether its worker stalls. */
  async forgetStalled(id: string): Promise<void> {
    await this.redis.srem(this.queue.toKey('stalled'), id);
  }

  close(): Promise<void> {
    return this.queue.close();
  }
}
