import type { Redis } from 'ioredis';

/**
 * A worker takes a chunk's inputs, which nobody can take again, and the client is told in the same step.
 * Gives the inputs; 0 where they are gone or nobody waits; their size where that is too much.
 */
const TAKE = `
local size = redis.call('STRLEN', KEYS[2])
if size == 0 then return 0 end
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
  return 0
end
local inputs
if size > tonumber(ARGV[3]) then inputs = size else inputs = redis.call('GET', KEYS[2]) end
redis.call('DEL', KEYS[2])
redis.call('XADD', KEYS[3], '*', 'chunk', ARGV[1], 'worker', ARGV[2])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return inputs`;

/** A worker reports; gives 0 where the client is dead. */
const REPORT = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'chunk', ARGV[1], 'reports', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1`;

/** The ids of the workers that have ever joined, and are to be looked for. */
const WORKERS = `
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local beat = redis.call('GET', ARGV[1] .. id)
  if beat then
    found[#found + 1] = id
    found[#found + 1] = beat
  else
    redis.call('SREM', KEYS[1], id)
  end
end
return found`;

/** A connection that knows the scripts. */
export interface ScriptedRedis extends Redis {
  parforTakeBuffer(
    client: string,
    inputs: string,
    reports: string,
    chunk: number,
    worker: string,
    most: number,
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

export function withScripts(redis: Redis): ScriptedRedis {
  redis.defineCommand('parforTake', { numberOfKeys: 3, lua: TAKE });
  redis.defineCommand('parforReport', { numberOfKeys: 2, lua: REPORT });
  redis.defineCommand('parforWorkers', { numberOfKeys: 1, lua: WORKERS });
  return redis as ScriptedRedis;
}
