import type { Subscriber } from 'rxjs';
import { type Chunk, ChunkTimeoutError, type Failure, type Report, type Run } from '../executor.js';
import type { ColumnBatch } from '../protocol/columnBatch.js';
import type { Queued } from '../queues/roundRobin.js';
import { callObserver } from '../runtime/callObserver.js';
import { now } from '../runtime/clock.js';
import { startTimer, type Timer } from '../runtime/startTimer.js';
import { batchOfRow, noRows } from '../serialization/columnBatch.js';
import { type Answer, answerOf, follow, type Outcome } from '../task/answerOf.js';
import type { CallPool } from '../task/callPool.js';

/** One chunk of `inline()`: it waits, runs its inputs one after another, and is over. */
export class InlineChunk implements Queued {
  #state: 'waiting' | 'running' | 'over';
  /** The input that runs, or runs next. */
  #next = 0;
  #since = 0;
  #timer: Timer | undefined;

  constructor(
    /** Its inputs may change while it waits, and are first read when it runs. */
    private readonly chunk: Pick<Chunk, 'run' | 'inputs'>,
    private readonly subscriber: Subscriber<Report>,
    private readonly calls: CallPool,
    state: 'waiting' | 'running',
    /** The chunk that ran needs its place no more. */
    private readonly freed: () => void,
  ) {
    this.#state = state;
  }

  get run(): Run {
    return this.chunk.run;
  }

  start(): void {
    this.#state = 'running';
    this.#goOn();
  }

  /** Goes on from what the task has answered for the first input. */
  goOnFrom(answer: Answer): void {
    this.#since = now();
    const outcome = this.#outcomeOf(answer);
    if (!outcome) return;
    this.#report(outcome);
    this.#goOn();
  }

  /** Nobody waits for it any more, or it has ended. */
  stop(): void {
    this.#timer?.stop();
    this.#free();
  }

  #free(): void {
    if (this.#state === 'running') this.freed();
    this.#state = 'over';
  }

  #goOn(): void {
    while (this.#next < this.chunk.inputs.length && !this.subscriber.closed) {
      this.#since = now();
      const outcome = this.#outcomeOf(answerOf(this.calls, this.chunk.inputs[this.#next]));
      if (!outcome) return;
      this.#report(outcome);
    }
    callObserver(() => this.subscriber.complete());
  }

  /** Returns the outcome, or nothing where it comes later. A thenable may answer at once. */
  #outcomeOf(answer: Answer): Outcome | undefined {
    if (answer.kind !== 'promise') return answer;
    const { taskTimeout } = this.run;
    if (taskTimeout !== undefined && !this.subscriber.closed)
      this.#timer = startTimer(() => this.subscriber.error(new ChunkTimeoutError()), taskTimeout);
    let answered: Outcome | undefined;
    let returned = false;
    const settle = (outcome: Outcome): void => {
      this.calls.giveBack(answer.call);
      if (this.subscriber.closed) return;
      answered = outcome;
      this.#timer?.stop();
      if (!returned) return;
      this.#report(outcome);
      this.#goOn();
    };
    follow(answer.promise, settle);
    returned = true;
    return answered;
  }

  #report(outcome: Outcome): void {
    this.#next += 1;
    const elapsed = now() - this.#since;
    const failures: Failure[] =
      outcome.kind === 'row'
        ? []
        : [{ offset: 0, cause: outcome.error, untransferable: undefined, expired: false }];
    const rows: ColumnBatch = outcome.kind === 'row' ? batchOfRow(outcome.row) : noRows;
    // Free before anybody is told: a run that begins then need not wait.
    if (this.#next === this.chunk.inputs.length) this.#free();
    callObserver(() => this.subscriber.next({ count: 1, rows, failures, elapsed }));
  }
}
