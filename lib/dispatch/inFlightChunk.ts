import { Subscriber } from 'rxjs';
import type { Chunk, Report } from '../executor.js';
import type { InputHistory } from './inputQueue.js';

/** What a flight tells its scheduler. */
export interface ChunkListener {
  report(flight: InFlightChunk, report: Report): void;
  failed(flight: InFlightChunk, error: unknown): void;
  landed(flight: InFlightChunk): void;
}

/** One chunk on its way: made before it starts, so that an executor that answers at once can be stopped as well. */
export class InFlightChunk extends Subscriber<Report> {
  /** How many of its inputs have settled. */
  settled = 0;
  /** The flight that waits for this one's worker. */
  queued: InFlightChunk | undefined;

  constructor(
    readonly chunk: Chunk,
    /** Whether its inputs are suspects of a crash or a timeout, or tried again. */
    readonly alone: boolean,
    /** What its inputs have been through before. */
    readonly history: InputHistory,
    /** The flight whose worker this one waits for. */
    public after: InFlightChunk | undefined,
    private readonly listener: ChunkListener,
  ) {
    super();
    if (after) after.queued = this;
  }

  /** It is over: the worker goes on with the one that follows. Whether the worker has nothing to do then. */
  land(): boolean {
    const { after, queued } = this;
    if (after) after.queued = undefined;
    if (queued) queued.after = undefined;
    this.after = this.queued = undefined;
    return !after && !queued;
  }

  /** Inputs that have not settled. */
  get unsettled(): number {
    return this.chunk.inputs.length - this.settled;
  }

  protected override _next(report: Report): void {
    this.listener.report(this, report);
  }

  protected override _error(error: unknown): void {
    this.unsubscribe();
    this.listener.failed(this, error);
  }

  protected override _complete(): void {
    this.unsubscribe();
    this.listener.landed(this);
  }
}
