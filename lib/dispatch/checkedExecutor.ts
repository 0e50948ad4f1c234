import type { Observable } from 'rxjs';
import { attempt } from '../errors.js';
import {
  type Chunk,
  type ChunkPolicy,
  type DirectCall,
  defaultChunkPolicy,
  type Executor,
  type Prefetching,
  type Report,
  type Run,
} from '../executor.js';

/** An executor with all of its capabilities: those that it has, and for the others what does nothing. */
export interface CheckedExecutor {
  readonly policy: ChunkPolicy;
  readonly changes: Observable<unknown> | undefined;
  readonly prefetching: Prefetching | undefined;
  /** Calls the task of a run directly, where the executor can. */
  direct(run: Run): DirectCall | undefined;
  /** @throws RangeError where the executor has no such number */
  parallelism(): number;
  run(chunk: Chunk): Observable<Report>;
  isWaiting(chunk: Chunk): boolean;
  poll(): void;
  forget(run: Run): void;
}

/**
 * Reads an executor's capabilities once, each only where it is what it should be: an executor of one's own may lack any
 * of them, and a polluted `Object.prototype` must not make one up.
 * @throws RangeError for a policy or a parallelism that would keep a run waiting for ever
 */
export function checkedExecutor(executor: Executor): CheckedExecutor {
  const { chunkPolicy, changes, prefetching } = executor;
  const policy = { ...defaultChunkPolicy, ...(isObject(chunkPolicy) && chunkPolicy) };
  if (!(policy.timeSlice > 0))
    throw new RangeError(
      `the executor's \`chunkPolicy.timeSlice\` must be milliseconds above 0, got ${policy.timeSlice}`,
    );
  if (!isWhole(policy.maxInputs))
    throw new RangeError(
      `the executor's \`chunkPolicy.maxInputs\` must be a whole number from 1, got ${policy.maxInputs}`,
    );
  const has = (name: 'direct' | 'isWaiting' | 'poll' | 'forget') => typeof executor[name] === 'function';
  const checked: CheckedExecutor = {
    policy,
    changes: typeof changes?.subscribe === 'function' ? changes : undefined,
    prefetching: typeof prefetching?.run === 'function' ? prefetching : undefined,
    parallelism: () => {
      const { parallelism } = executor;
      // Where it may change, a run waits for the first worker.
      if (isWhole(parallelism) || (parallelism === 0 && checked.changes)) return parallelism;
      throw new RangeError(
        `the executor's \`parallelism\` must be a whole number from 1, or Infinity, got ${parallelism}`,
      );
    },
    run: chunk => executor.run(chunk),
    direct: run => (has('direct') ? executor.direct?.(run) : undefined),
    isWaiting: chunk => has('isWaiting') && attempt(() => executor.isWaiting?.(chunk), false) === true,
    poll: () => {
      if (has('poll')) executor.poll?.();
    },
    forget: run => {
      if (has('forget')) executor.forget?.(run);
    },
  };
  checked.parallelism();
  return checked;
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
const isWhole = (value: unknown): value is number =>
  typeof value === 'number' && value >= 1 && (Number.isInteger(value) || value === Infinity);
