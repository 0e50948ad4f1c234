import { performance } from 'node:perf_hooks';

/** Milliseconds of a clock that only goes forward, as it was when this was loaded: test tools and tasks replace `performance.now`. */
export const now: () => number = performance.now.bind(performance);
