/** Counts a run's inputs for whoever wants to know. */
export interface Meter {
  /** Inputs in all, once that is known. */
  setTotal(total: number): void;
  /** Notes that inputs have settled. */
  count(completed: number, failed: number): void;
  /** Tells the observer, unless it was told just now. */
  tell(): void;
  complete(): void;
  error(error: unknown): void;
  /** Nobody waits for the run any more. */
  stop(): void;
}

const nothing = (): void => undefined;

/** The meter of a run whose progress nobody wants. */
export const noMeter: Meter = {
  setTotal: nothing,
  count: nothing,
  tell: nothing,
  complete: nothing,
  error: nothing,
  stop: nothing,
};
