import { setImmediate } from 'node:timers';
import { sharedContext } from '../runtime/sharedContext.js';

/** Hears what concerns whoever has drawn on the terminal. */
export interface ProcessListener {
  /** Node is about to print something past the streams: the stack of an uncaught error, a warning. */
  interrupted(): void;
  /** The process goes on after Ctrl-Z, below whatever the shell has printed meanwhile. */
  resumed(): void;
  /** The process is about to end. */
  ended(): void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const listeners = new Set<ProcessListener>();

const interrupted = () => {
  for (const listener of [...listeners]) listener.interrupted();
};
const resumed = () => {
  for (const listener of [...listeners]) listener.resumed();
};
const ended = () => {
  for (const listener of [...listeners]) listener.ended();
};

/**
 * Leaves a signal to the program's own listeners. Where there are none, it ends the process as it would have without
 * this one.
 */
const onSignal = (signal: NodeJS.Signals) => {
  // Other listeners ask whether they are the only one: they find what they would without this one.
  process.removeListener(signal, onSignal);
  if (process.listenerCount(signal) > 0) {
    interrupted();
    setImmediate(listenToSignals).unref();
    return;
  }
  ended();
  process.kill(process.pid, signal);
};

/** Becomes the first listener of each signal, so that no other one is called before `onSignal` has left. */
const listenToSignals = () => {
  if (listeners.size === 0) return;
  for (const signal of SIGNALS)
    if (!process.listeners(signal).includes(onSignal)) process.prependListener(signal, onSignal);
};

const listen = () => {
  if (listeners.size === 0) {
    process.on('exit', ended);
    process.on('uncaughtExceptionMonitor', interrupted);
    process.prependListener('warning', interrupted);
    process.on('SIGCONT', resumed);
  }
  setImmediate(listenToSignals).unref();
};

/**
 * Calls a listener until the returned function is called.
 *
 * Signals are listened to from the next turn of the event loop on. A program that never gets there, as a synchronous task
 * runs in its main thread, could not hear them, and Ctrl-C must go on to end it at once.
 */
export function listenToProcess(listener: ProcessListener): () => void {
  // Node calls all listeners of a signal in the async context of the first, the program's own too.
  sharedContext.runInAsyncScope(listen);
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    process.removeListener('exit', ended);
    process.removeListener('uncaughtExceptionMonitor', interrupted);
    process.removeListener('warning', interrupted);
    process.removeListener('SIGCONT', resumed);
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
  };
}
