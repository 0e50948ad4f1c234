import { attempt, framesOf, isInstance, setFrames } from '../errors.js';

/** Frames that are noted: two of this library's, the operator's, and two of the program. Each takes time. */
const FRAMES = 5;
const INNER_FRAMES = 2;

/** Errors whose stack says where their operator was called: an error may pass through several. */
const shown = new WeakSet<Error>();

const isOurs = (error: unknown): error is Error =>
  isInstance(error, Error) &&
  /^RX_PARFOR_/.test(attempt(() => String((error as { code?: unknown }).code), ''));

/**
 * The call of an operator. An error of the run shows it: the engine's own frames, at the end of an event, say nothing.
 *
 * V8 notes the frames of a call in some 2 µs, and makes text of them when an error shows them.
 */
export class CallSite {
  readonly #noted: Error | undefined;

  constructor() {
    const { stackTraceLimit } = Error;
    try {
      Error.stackTraceLimit = Math.min(FRAMES, stackTraceLimit);
      this.#noted = new Error();
      Error.stackTraceLimit = stackTraceLimit;
    } catch {
      // Somebody has frozen `Error`: errors keep their own stacks.
    }
  }

  /** Puts the call in place of the frames of an error of this library. Any other error stays as it is. */
  show(error: unknown): void {
    if (!isOurs(error) || shown.has(error)) return;
    const frames = framesOf(this.#noted).slice(INNER_FRAMES);
    if (frames.length === 0) return;
    shown.add(error);
    attempt(() => setFrames(error, frames), undefined);
  }
}
