import type { Observable } from 'rxjs';
import type { DirectCall, DirectListener, Report } from '../executor.js';
import type { EmittedValues } from './emittedValues.js';
import { type SettledBatch, settledRow } from './settledBatch.js';

/** An input that the task was called with. */
export interface CalledInput {
  readonly index: number;
  readonly input: unknown;
  /** The input as it was before the call, where it was kept. */
  readonly emitted: EmittedValues | undefined;
}

/** Hears what has become of the inputs of direct calls. */
export interface DirectCallerListener {
  settled(batch: SettledBatch): void;
  /** The input is a chunk from here on; its reports must be subscribed to. */
  goesOn(called: CalledInput, reports: Observable<Report>): void;
  /** The run cannot go on. */
  failed(error: unknown): void;
}

/** Calls a run's task in this thread, one input at a time. */
export class DirectCaller {
  /** True while a call is under way. */
  #calls = false;
  #index = 0;
  #input: unknown;
  #emitted: EmittedValues | undefined;
  readonly #listener: DirectListener;

  constructor(
    private readonly direct: DirectCall,
    listener: DirectCallerListener,
  ) {
    this.#listener = {
      returned: row => {
        if (!this.#calls) return;
        this.#calls = false;
        listener.settled(settledRow(this.#index, this.#input, row));
      },
      goesOn: reports => {
        if (!this.#calls) return;
        this.#calls = false;
        listener.goesOn({ index: this.#index, input: this.#input, emitted: this.#emitted }, reports);
      },
      failed: error => {
        this.#calls = false;
        listener.failed(error);
      },
    };
  }

  /** The number of inputs that a call is under way for, 0 or 1. */
  get underWay(): number {
    return this.#calls ? 1 : 0;
  }

  /**
   * Calls the task with an input; returns false, and calls nothing, where it has to wait.
   * @param emitted the input as it is now, where it will be needed once more
   */
  call(index: number, input: unknown, emitted: EmittedValues | undefined): boolean {
    this.#index = index;
    this.#input = input;
    this.#emitted = emitted;
    this.#calls = true;
    const called = this.direct(input, this.#listener);
    this.#input = this.#emitted = undefined;
    this.#calls = false;
    return called;
  }
}
