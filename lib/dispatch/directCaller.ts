import type { Observable } from 'rxjs';
import type { Chunk, DirectCall, DirectListener, Report, Run } from '../executor.js';
import { type SettledBatch, settledRow } from './settledBatch.js';

/** Hears what has become of the inputs of direct calls. */
export interface DirectCallerListener {
  settled(batch: SettledBatch): void;
  /** The input is a chunk from here on; its reports must be subscribed to. */
  goesOn(chunk: Chunk, reports: Observable<Report>): void;
  /** The run cannot go on. */
  failed(error: unknown): void;
}

/** Calls a run's task in this thread, one input at a time. */
export class DirectCaller {
  /** True while a call is under way. */
  #calls = false;
  #index = 0;
  #input: unknown;
  readonly #listener: DirectListener;

  constructor(
    run: Run,
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
        listener.goesOn({ run, first: this.#index, inputs: [this.#input] }, reports);
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

  /** Calls the task with an input; returns false, and calls nothing, where it has to wait. */
  call(index: number, input: unknown): boolean {
    this.#index = index;
    this.#input = input;
    this.#calls = true;
    const called = this.direct(input, this.#listener);
    this.#input = undefined;
    this.#calls = false;
    return called;
  }
}
