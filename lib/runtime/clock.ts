import { performance } from 'node:perf_hooks';

/** Milliseconds of a clock that only goes forward, as it was when this was loaded: test tools and tasks replace `performance.now`. */
export const now: () => number = /* @__PURE__ */ performance.now.bind(performance);

/** The longest delay that a timer of Node takes, 25 days: a longer one would end at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
