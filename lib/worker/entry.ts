import process from 'node:process';
import type { StartMessage } from '../protocol/messages.js';
import { parentVariable } from '../protocol/parentVariable.js';
import { endWithParent } from './endWithParent.js';
import { leaveSignalsToParent } from './leaveSignalsToParent.js';
import { OutputStreams } from './outputStreams.js';
import { PortChannel } from './portChannel.js';
import { ProcessChannel } from './processChannel.js';
import { WorkerSession } from './session.js';

// Tasks may replace parts of `process`: what the worker needs of it is taken when this is loaded.
const outputs = new OutputStreams([process.stdout, process.stderr]);
const toParent = new ProcessChannel(process);

// Nested runs look here, to stay in this worker.
(globalThis as Record<symbol, unknown>)[Symbol.for('rx-parfor.worker')] = true;

const parent = Number(process.env[parentVariable]);
if (process.send && parent > 0) {
  endWithParent(parent);
  leaveSignalsToParent();
}

/** Starts the worker: what Tinypool calls. */
export default function start({ port }: StartMessage): void {
  const session = new WorkerSession(port ? new PortChannel(port) : toParent, outputs);
  process.on('uncaughtException', error => session.uncaught(error));
  session.start();
}
