import { processes } from '../../../lib/executors/processes.js';
import { contract } from './contract.js';

contract(
  'processes',
  ({ workers, heap, ...options } = {}) =>
    processes({
      ...options,
      ...(workers !== undefined && { maxThreads: workers }),
      ...(heap !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heap } }),
    }),
  { crosses: true, sharesMemory: false, processes: true },
);
