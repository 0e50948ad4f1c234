/**
 * Takes the inputs of a chunk, which nobody can take again, and tells the client in the same step.
 *
 * KEYS: 1 the client's heartbeat, 2 the inputs, 3 the client's reports.
 * ARGV: 1 the chunk, 2 the worker's id, 3 the most bytes that the worker reads, 4 the lifetime of the reports in ms.
 *
 * Returns the inputs; 0 where they are gone or nobody waits for them; their size where that is too much.
 */
export const takeInputs = `
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
