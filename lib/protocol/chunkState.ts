/**
 * States of a chunk, in memory that both sides share: whoever takes it out of `waiting` first, the worker to run it or the
 * executor to recall it, has it.
 */
export const chunkState = { waiting: 0, running: 1, cancelled: 2 } as const;
