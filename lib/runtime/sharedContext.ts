import { AsyncResource } from 'node:async_hooks';

/**
 * The async context of what runs share: workers, connections, signal handlers. What is made within it has no run's
 * `AsyncLocalStorage`, and keeps nothing alive that a run has there.
 *
 * It is the one that this module was loaded in, which in most programs is empty: Node has no other way to leave a context.
 */
// Marked as pure: a bundle without executors leaves it out.
export const sharedContext = /* @__PURE__ */ new AsyncResource('rx-parfor.shared');
