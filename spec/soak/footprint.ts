import { readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { childProcesses } from '../support/childProcesses.js';

/** What a run must not leave behind. */
export interface Footprint {
  /** Bytes in use after collecting garbage. */
  heap: number;
  /** Open handles, by kind. */
  handles: Record<string, number>;
  /** Listeners on the process and its streams. */
  listeners: number;
  threads: number;
  children: number;
}

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

function countThreads(): number {
  try {
    return readdirSync('/proc/self/task').length;
  } catch {
    return 0;
  }
}

/** Takes the footprint once everything has come to rest. */
export async function footprint(): Promise<Footprint> {
  for (let i = 0; i < 4; i++) {
    await delay(60);
    gc();
  }
  const handles: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) handles[kind] = (handles[kind] ?? 0) + 1;
  const emitters = [process, process.stdout, process.stderr];
  const listeners = emitters
    .flatMap(emitter => emitter.eventNames().map(name => emitter.listenerCount(name as 'exit')))
    .reduce((sum, count) => sum + count, 0);
  return {
    heap: process.memoryUsage().heapUsed,
    handles,
    listeners,
    threads: countThreads(),
    children: childProcesses().length,
  };
}
