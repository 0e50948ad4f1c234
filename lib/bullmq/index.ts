export { type BullmqOptions, bullmq } from './bullmq.js';
export {
  type ClusterWorker,
  type ClusterWorkerOptions,
  clusterWorker,
  type WorkerEvent,
} from './clusterWorker.js';
export type { ClusterConnection } from './connection.js';
export { NoWorkersError, TaskRefusedError } from './errors.js';
