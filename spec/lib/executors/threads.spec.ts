import { threads } from '../../../lib/executors/threads.js';
import { contract } from '../../contract/contract.js';

contract(
  'threads',
  ({ workers, heap, ...options } = {}) =>
    threads({
      ...options,
      ...(workers !== undefined && { maxThreads: workers }),
      ...(heap !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heap } }),
    }),
  { crosses: true, sharesMemory: true, processes: false },
);
