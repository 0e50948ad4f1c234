import type { ChunkEnd } from '../protocol/messages.js';

/** An event of a worker's log. */
export type WorkerEvent =
  | {
      readonly event: 'join' | 'leave';
      readonly queue: string;
      readonly threads: number;
      /** Host and process id. */
      readonly address: string;
    }
  | {
      readonly event: 'chunk';
      readonly job: string;
      readonly inputs: number;
      /** The number of inputs that have settled here. */
      readonly settled: number;
      readonly end: ChunkEnd['kind'] | 'cancelled';
      /** Milliseconds from the job to its end. */
      readonly elapsed: number;
    }
  | { readonly event: 'fault'; readonly message: string; readonly job?: string };
