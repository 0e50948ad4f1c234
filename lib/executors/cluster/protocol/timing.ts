/** The time between two heartbeats of a client or worker, in ms. */
export const HEARTBEAT_MS = 500;

/**
 * The work that a chunk should hold, in ms. A trip costs some 1.3 ms of a core (bench/cluster.ts), most of it BullMQ's
 * bookkeeping: with 100 ms it is below 2 %. A worker reports far more often, and a cancelled one stops between tasks.
 */
export const TIME_SLICE_MS = 100;
