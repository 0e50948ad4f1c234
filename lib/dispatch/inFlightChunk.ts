import { Subscriber } from 'rxjs';
import type { Chunk, Report } from '../executor.js';
import type { History } from './inputQueue.js';

/** What a flight tells its scheduler. */
export interface Tower {
  report(flight: Flight, report: Report): void;
  lost(flight: Flight, error: unknown): void;
  landed(flight: Flight): void;
}

/** One chunk on its way: made before it starts, so that an executor that answers at once can be stopped as well. */
export class Flight extends Subscriber<Report> {
  /** How many of its inputs have settled. */
  settled = 0;
  /** The flight that waits for this one's worker. */
  follower: Flight | undefined;

  constructor(
    readonly chunk: Chunk,
    /** Whether its inputs are suspects of a crash or a timeout, or tried again. */
    readonly alone: boolean,
    /** What its inputs have been through before. */
    readonly history: History,
    /** The flight whose worker this one waits for. */
    public leader: Flight | undefined,
    private readonly tower: Tower,
  ) {
    super();
    if (leader) leader.follower = this;
  }

  /** It is over: the worker goes on with the one that follows. Whether the worker has nothing to do then. */
  land(): boolean {
    const { leader, follower } = this;
    if (leader) leader.follower = undefined;
    if (follower) follower.leader = undefined;
    this.leader = this.follower = undefined;
    return !leader && !follower;
  }

  /** Inputs that have not settled. */
  get rest(): number {
    return this.chunk.inputs.length - this.settled;
  }

  protected override _next(report: Report): void {
    this.tower.report(this, report);
  }

  protected override _error(error: unknown): void {
    this.unsubscribe();
    this.tower.lost(this, error);
  }

  protected override _complete(): void {
    this.unsubscribe();
    this.tower.landed(this);
  }
}
