import { chunkState } from '../protocol/chunkState.js';
import type { ChunkMessage, RunDefinition, WorkerCommand } from '../protocol/messages.js';
import { Encoder } from '../serialization/encode.js';
import { freeBuffers } from '../serialization/freeBuffers.js';
import { ChunkReporter } from './chunkReporter.js';
import { importFunctions, type LoadedTask, loadTask } from './loadTask.js';
import type { OutputStreams } from './outputStreams.js';
import { type ChunkContext, runChunk } from './runChunk.js';
import { taskScope } from './taskScope.js';
import type { WorkerChannel } from './workerChannel.js';

/** As they were when this was loaded: tasks may replace them. */
const { load, compareExchange } = Atomics;

/** One worker: obeys the commands of its executor, and runs chunks one after another. */
export class WorkerSession {
  readonly #channel: WorkerChannel;
  readonly #outputs: OutputStreams;
  readonly #pulse: Int32Array | undefined;
  readonly #runs = new Map<number, KnownRun>();
  /** Chunks that nobody waits for any more, by their numbers. Only processes are told so by message. */
  readonly #cancelled = new Set<number>();
  /** True while a chunk runs. */
  #isBusy = false;
  /** Resolves when all chunks so far have ended. */
  #ended: Promise<void> = Promise.resolve();

  /** @param pulse the number that changes as time passes; only threads have one */
  constructor(channel: WorkerChannel, outputs: OutputStreams, pulse?: Int32Array) {
    this.#channel = channel;
    this.#outputs = outputs;
    this.#pulse = pulse;
  }

  /** Listens to commands from now on, and says so. */
  start(): void {
    this.#channel.listen({
      command: command => this.#obey(command),
      unreadable: error => this.#fail(error),
    });
    this.#channel.post({ kind: 'ready' });
  }

  /**
   * Reports an error that nobody caught. That of a task which has returned must not fail its successor. While a chunk
   * runs it cannot be told whose error it is: the worker ends, as a program would.
   */
  uncaught(error: unknown): void {
    if (this.#isBusy) this.#fail(error);
    else this.#channel.post({ kind: 'stray', ...this.#encodeThrown(error) });
  }

  /** Says why this worker will have ended, should it end now: a module may exit where a run of its was refused. */
  announce(error: unknown): void {
    this.#channel.post({ kind: 'fatal', ...this.#encodeThrown(error) });
  }

  #obey({ chunk, forget, cancel }: WorkerCommand): void {
    for (const id of forget ?? []) this.#runs.delete(id);
    if (cancel !== undefined) this.#cancelled.add(cancel);
    if (chunk) this.#enqueue(chunk);
  }

  /** Ends the worker, which cannot go on, and says why. Its inputs run again, one by one. */
  #fail(error: unknown): void {
    try {
      this.announce(error);
    } finally {
      // Whatever keeps the reason from being sent: the chunk would never end.
      this.#channel.exit();
    }
  }

  /** Runs a chunk after those that came before it. */
  #enqueue(message: ChunkMessage): void {
    this.#ended = this.#ended
      .then(() => this.#take(message))
      // Nobody would hear of a chunk that fails here: of a row, say, that cannot be sent after all. None runs after it.
      .catch(error => new Promise<never>(() => this.#fail(error)));
  }

  async #take(message: ChunkMessage): Promise<void> {
    const { id, definition, number } = message;
    // A chunk may have been cancelled while the one before it ran.
    await this.#channel.hearArrived();
    // Also of a chunk that is not run: the next one of its run comes without.
    if (definition) this.#runs.set(id, new KnownRun(definition));
    // Chunks come in the order of their numbers: those before this one have ended.
    for (const cancelled of this.#cancelled) if (cancelled < number) this.#cancelled.delete(cancelled);
    this.#isBusy = this.#claim(message);
    if (!this.#channel.sharedMemory) this.#channel.post({ kind: 'begun' });
    try {
      if (this.#isBusy) await this.#run(message);
      else this.#channel.post({ kind: 'end', notRunnable: undefined });
    } finally {
      this.#isBusy = false;
    }
  }

  /** Returns true if the chunk is still to be run: if nobody was in time to recall or cancel it. */
  #claim({ state, number }: ChunkMessage): boolean {
    if (!state) return !this.#cancelled.has(number);
    return compareExchange(state, 0, chunkState.waiting, chunkState.running) === chunkState.waiting;
  }

  async #run(message: ChunkMessage): Promise<void> {
    const { id, number, state, taskTimeout, remote, inputs } = message;
    const run = this.#runs.get(id);
    if (run === undefined)
      throw new Error(`the definition ${id} of a run did not reach this worker; please report this`);
    let task: LoadedTask;
    try {
      task = await run.task();
      if (run.isNew) this.#channel.post({ kind: 'loaded' });
      run.isNew = false;
    } catch (error) {
      return this.#channel.post({ kind: 'end', notRunnable: this.#encodeThrown(error) });
    }
    const functions = inputs.functions?.length ? await importFunctions(inputs.functions) : [];
    if (taskTimeout !== undefined) this.#channel.post({ kind: 'started' });
    const { sharedMemory } = this.#channel;
    const reporter = new ChunkReporter(this.#channel, this.#outputs);
    const context: ChunkContext = {
      sharedMemory: sharedMemory && !remote,
      functionsByReference: !remote,
      functions,
      pulse: this.#pulse,
      post: (report, transferList) => reporter.post(report, transferList),
      hasOutput: () => !this.#outputs.areEmpty,
      isCancelled: state ? () => load(state, 0) === chunkState.cancelled : () => this.#cancelled.has(number),
    };
    await taskScope.run(() => runChunk(message, task, context));
    if (sharedMemory) freeBuffers(inputs);
    await reporter.finish();
  }

  #encodeThrown(thrown: unknown): { error: unknown; tag: object } {
    const encoder = new Encoder({ sharedMemory: this.#channel.sharedMemory, transferMarked: false });
    return { error: encoder.encodeThrown(thrown), tag: encoder.tag };
  }
}

/** A run whose definition this worker has. Its task is loaded with the first chunk. */
class KnownRun {
  /** True until its task has been loaded. */
  isNew = true;
  readonly #definition: RunDefinition;
  #task: Promise<LoadedTask> | undefined;

  constructor(definition: RunDefinition) {
    this.#definition = definition;
  }

  task(): Promise<LoadedTask> {
    return (this.#task ??= loadTask(this.#definition));
  }
}
