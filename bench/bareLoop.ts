import { parentPort } from 'node:worker_threads';
import type { BareOrder } from './bareWorkers.js';

type Task = (value: number, ...rest: unknown[]) => number;
type Loop = (inputs: Float64Array, ...rest: unknown[]) => Float64Array;

/** Loops by the source of their task, so that each calls one function only and stays as fast as it can be. */
const loops = new Map<string, Loop>();

const loopOver = (source: string): Loop => {
  const task = new Function(`return (${source})`)() as Task;
  return new Function(
    'task',
    `return (inputs, ...rest) => {
      const [only] = rest;
      const rows = new Float64Array(inputs.length);
      for (let i = 0; i < inputs.length; i++) rows[i] = task(inputs[i], only);
      return rows;
    }`,
  )(task) as Loop;
};

parentPort?.on('message', ({ source, inputs, rest }: BareOrder) => {
  const loop = loops.get(source) ?? loopOver(source);
  loops.set(source, loop);
  const since = performance.now();
  loop(inputs, ...rest);
  parentPort?.postMessage(performance.now() - since);
});
