import type { Redis } from 'ioredis';
import { addReports } from './scripts/addReports.js';
import { listWorkers } from './scripts/listWorkers.js';
import { takeInputs } from './scripts/takeInputs.js';

/** A connection that knows the scripts; their files say what they take and return. */
export interface ScriptedRedis extends Redis {
  parforTakeBuffer(
    client: string,
    inputs: string,
    reports: string,
    chunk: number,
    worker: string,
    maxBytes: number,
    lifetime: number,
  ): Promise<Buffer | number>;
  parforReport(
    client: string,
    reports: string,
    chunk: number,
    payload: Buffer,
    lifetime: number,
  ): Promise<number>;
  parforWorkers(workers: string, base: string): Promise<string[]>;
}

/** Teaches a connection the scripts. */
export function withScripts(redis: Redis): ScriptedRedis {
  redis.defineCommand('parforTake', { numberOfKeys: 3, lua: takeInputs });
  redis.defineCommand('parforReport', { numberOfKeys: 2, lua: addReports });
  redis.defineCommand('parforWorkers', { numberOfKeys: 1, lua: listWorkers });
  return redis as ScriptedRedis;
}
