import process from 'node:process';
import type { StartMessage } from '../protocol/messages.js';
import { parentVariable } from '../protocol/parentVariable.js';
import { setWorkerState } from '../protocol/workerState.js';
import { endWithParent, leaveSignalsToParent } from './childLifetime.js';
import { OutputStreams } from './outputStreams.js';
import { PortChannel } from './portChannel.js';
import { ProcessChannel } from './processChannel.js';
import { WorkerSession } from './session.js';
import { taskScope } from './taskScope.js';

// Tasks may replace parts of `process`: what the worker needs of it is taken when this is loaded.
const outputs = new OutputStreams([process.stdout, process.stderr]);
const toParent = new ProcessChannel(process);

setWorkerState(taskScope);

const parent = Number(process.env[parentVariable]);
if (process.send && parent > 0) {
  endWithParent(parent);
  leaveSignalsToParent();
}

/** Starts the worker: what Tinypool calls. */
export default function start({ port, depth, pulse }: StartMessage): void {
  taskScope.depth = depth;
  const session = new WorkerSession(port ? new PortChannel(port) : toParent, outputs, pulse);
  process.on('uncaughtException', error => {
    if (!taskScope.hasTold(error)) session.uncaught(error);
  });
  taskScope.onRefused = error => session.announce(error);
  session.start();
}
