import type { ChunkEnd } from '../protocol/messages.js';

/** What a worker tells of itself. */
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
      /** How many of them have settled here. */
      readonly settled: number;
      readonly end: ChunkEnd['kind'] | 'cancelled';
      /** Milliseconds from the job to its end. */
      readonly elapsed: number;
    }
  | { readonly event: 'fault'; readonly message: string; readonly job?: string };
