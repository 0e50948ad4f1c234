/** The signals that a terminal sends to all its processes, and a service manager to all of its service. */
const SIGNALS = ['SIGINT', 'SIGHUP', 'SIGTERM'] as const;

/**
 * Leaves the signals that end a program to the parent: it may want to finish what runs, and ends this process with itself
 * otherwise.
 */
export function leaveSignalsToParent(): void {
  for (const signal of SIGNALS) process.on(signal, () => undefined);
}
