import { TaskNotFoundError } from '../../../errors.js';
import { ChunkTimeoutError, WorkerLostError } from '../../../executor.js';
import { decodeThrown } from '../../../serialization/decode.js';
import { Encoder } from '../../../serialization/encode.js';
import { notRunnable } from '../../pool/reportOf.js';
import { MessageError, RemoteOutcomeError, TaskRefusedError, WorkerRefusalError } from './errors.js';
import type { ChunkEnd } from './messages.js';

/** Says for the client why a chunk ended with an error. */
export function endOf(error: unknown): ChunkEnd {
  if (error instanceof ChunkTimeoutError) return { kind: 'expired' };
  const encoder = new Encoder({ sharedMemory: false, transferMarked: true });
  if (error instanceof WorkerLostError) {
    const { exitCode, reason, cause } = error.exit;
    return {
      kind: 'lost',
      exitCode,
      reason,
      startup: error.atStart,
      cause: cause === undefined ? undefined : encoder.encodeThrown(cause),
      tag: encoder.tag,
    };
  }
  if (error instanceof RemoteOutcomeError) return { kind: 'notRunnable', ...error.outcome };
  return { kind: 'notRunnable', error: encoder.encodeThrown(error), tag: encoder.tag };
}

/** Says for the client why a chunk ended before any task of it ran. */
export function endBefore(error: unknown): ChunkEnd {
  if (error instanceof WorkerRefusalError || error instanceof MessageError)
    return { kind: 'refused', why: error.message };
  if (error instanceof TaskNotFoundError) return endOf(error);
  // Something is wrong with this host, or between it and Redis: another worker may do better.
  const reason = `its worker could not begin: ${(error as Error).message}`;
  return endOf(new WorkerLostError({ exitCode: undefined, reason }));
}

/**
 * Returns the error of a chunk that ended so, on the client; `undefined` where the worker is just free again.
 * @param worker its address
 */
export function errorOf(end: ChunkEnd, worker: string): unknown {
  switch (end.kind) {
    case 'done':
    case 'definition missing':
      return undefined;
    case 'expired':
      return new ChunkTimeoutError();
    case 'notRunnable':
      return notRunnable(end);
    case 'refused':
      return new TaskRefusedError(worker, end.why);
    case 'lost': {
      const cause = end.cause === undefined ? undefined : decodeThrown(end.cause, end.tag);
      return new WorkerLostError({ exitCode: end.exitCode, reason: end.reason, cause }, end.startup);
    }
  }
}
