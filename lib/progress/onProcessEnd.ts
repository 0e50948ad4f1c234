import { setImmediate } from 'node:timers';

/** What is done when the process ends, or writes past its streams. */
export interface ProcessListener {
  /** Something is about to be written that no stream hears of: the stack of an uncaught error, a warning. */
  interrupted(): void;
  /** The process is about to end. */
  ended(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const listeners = new Set<ProcessListener>();

const interrupted = () => {
  for (const listener of [...listeners]) listener.interrupted();
};
const ended = () => {
  for (const listener of [...listeners]) listener.ended();
};

/** Leaves a signal to those who listen to it too; where nobody does, it ends the process as it would have. */
const onSignal = (signal: NodeJS.Signals) => {
  process.removeListener(signal, onSignal);
  if (process.listenerCount(signal) > 0) return interrupted();
  ended();
  process.kill(process.pid, signal);
};

/** Listens to the signals. First among the listeners, so that each of the others finds what it would without this one. */
const listenToSignals = () => {
  if (listeners.size === 0) return;
  for (const signal of SIGNALS)
    if (!process.listeners(signal).includes(onSignal)) process.prependListener(signal, onSignal);
};

/**
 * Tells a listener of the end of the process, until the function that is returned is called.
 *
 * Signals are heard from the next turn of the event loop on: a program that never gets there, with a synchronous task in
 * its main thread, could not hear them, and must go on to be ended by Ctrl-C at once.
 */
export function onProcessEnd(listener: ProcessListener): () => void {
  if (listeners.size === 0) {
    process.on('exit', ended);
    process.on('uncaughtExceptionMonitor', interrupted);
    process.prependListener('warning', interrupted);
  }
  listeners.add(listener);
  setImmediate(listenToSignals).unref();
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    process.removeListener('exit', ended);
    process.removeListener('uncaughtExceptionMonitor', interrupted);
    process.removeListener('warning', interrupted);
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  };
}
