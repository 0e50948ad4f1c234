/**
 * Adds reports of a chunk to the client's stream.
 *
 * KEYS: 1 the client's heartbeat, 2 the client's reports.
 * ARGV: 1 the chunk, 2 the reports as bytes, 3 the lifetime of the stream in ms.
 *
 * Returns 1; 0 where the client is gone, and nothing was added.
 */
export const addReports = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'chunk', ARGV[1], 'reports', ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1`;
