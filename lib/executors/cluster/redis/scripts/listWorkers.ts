/**
 * Lists the workers whose heartbeats are there, and takes the others out of the set.
 *
 * KEYS: 1 the set of the ids of workers.
 * ARGV: 1 what the keys of heartbeats begin with; the worker's id follows.
 *
 * Returns the ids, each followed by its heartbeat.
 */
export const listWorkers = `
local found = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local heartbeat = redis.call('GET', ARGV[1] .. id)
  if heartbeat then
    found[#found + 1] = id
    found[#found + 1] = heartbeat
  else
    redis.call('SREM', KEYS[1], id)
  end
end
return found`;
