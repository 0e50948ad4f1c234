import { type Observable, Subscription } from 'rxjs';
import type { Chunk, Report } from '../executor.js';
import { callObserver } from '../runtime/callObserver.js';
import { connect } from './operate.js';
import type { Segment } from './segment.js';

/** Hears what an executor says of a chunk. */
export interface ChunkListener {
  report(chunk: InFlightChunk, report: Report): void;
  failed(chunk: InFlightChunk, error: unknown): void;
  completed(chunk: InFlightChunk): void;
}

/** One chunk that an executor has, and the chunk that runs before or after it on the same worker. */
export class InFlightChunk {
  /** The number of its inputs that have settled. */
  settled = 0;
  /** The chunk that is queued behind this one. */
  queued: InFlightChunk | undefined;
  readonly #subscription = new Subscription();

  constructor(
    readonly chunk: Chunk,
    /** Its inputs, as they waited. */
    readonly segment: Segment,
    /** The chunk that it is queued behind. */
    public after: InFlightChunk | undefined,
    private readonly listener: ChunkListener,
  ) {
    if (after) after.queued = this;
  }

  /** Inputs that have not settled. */
  get unsettled(): number {
    return this.segment.values.length - this.settled;
  }

  /** Starts it. An executor may answer at once, and the chunk be cancelled from within that. */
  start(reports: Observable<Report>): void {
    const { listener } = this;
    connect(reports, this.#subscription, {
      next: report => listener.report(this, report),
      error: error => {
        this.cancel();
        listener.failed(this, error);
      },
      complete: () => {
        this.cancel();
        listener.completed(this);
      },
    });
  }

  /** Lets go of the executor's part of it; a clean-up there that throws changes nothing here. */
  cancel(): void {
    callObserver(() => this.#subscription.unsubscribe());
  }

  /** Leaves its place beside other chunks, as it is over; returns true if its worker has nothing to do then. */
  leave(): boolean {
    const { after, queued } = this;
    if (after) after.queued = undefined;
    if (queued) queued.after = undefined;
    this.after = this.queued = undefined;
    return !after && !queued;
  }
}
