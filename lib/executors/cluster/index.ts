export { type BullmqOptions, bullmq } from './client/bullmq.js';
export { NoWorkersError, TaskRefusedError } from './protocol/errors.js';
export type { ClusterConnection } from './redis/connection.js';
export { type ClusterWorker, type ClusterWorkerOptions, clusterWorker } from './worker/clusterWorker.js';
export type { WorkerEvent } from './worker/workerEvent.js';
