/** A test that fails on RxJS 8 for a reason of RxJS's own. */
export interface ExpectedFailure {
  /** The test's title. */
  readonly title: string;
  readonly reason: string;
}

/** Remove an entry when `npm run runtimes:rxjs` says that it passes. */
export const expectedOnRxjs8: readonly ExpectedFailure[] = [
  {
    title: 'refuses what cannot be iterated',
    reason: 'every Observable is async iterable in RxJS 8, so sweep() accepts one',
  },
];
