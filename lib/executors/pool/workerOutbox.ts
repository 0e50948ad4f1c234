import type { ChunkMessage, Transferable, WorkerCommand } from '../../protocol/messages.js';

/** A chunk that is on its way to a worker. */
export interface OutgoingChunk<Chunk> {
  /** With the definition of its run. */
  readonly message: ChunkMessage;
  readonly transferList: readonly Transferable[];
  readonly chunk: Chunk;
}

/** A chunk that Node cannot clone the message of. */
export interface RefusedChunk<Chunk> {
  readonly chunk: Chunk;
  readonly error: unknown;
}

/**
 * Commands to one worker. It sends the definition of a run with the first of its chunks only, and keeps what a process
 * would not hear yet.
 */
export class WorkerOutbox<Chunk> {
  /** Definitions that the worker has, and those of them that it is to be told to forget. */
  readonly #known = new Set<number>();
  readonly #forgotten = new Set<number>();
  /** Chunks and cancelled chunks for a worker that does not listen yet, in their order. */
  #unsent: (OutgoingChunk<Chunk> | { readonly cancel: number })[] = [];

  constructor(
    private readonly send: (command: WorkerCommand, transferList: readonly Transferable[]) => void,
    /** True if messages that come before it listens wait for it, as those for threads do. */
    private isListening: boolean,
  ) {}

  /** Returns true if the worker has this definition, or will have it before what it is given next. */
  knows(definition: number): boolean {
    return (
      this.#known.has(definition) ||
      this.#unsent.some(unsent => 'message' in unsent && unsent.message.id === definition)
    );
  }

  /** @throws the error of Node where it cannot clone the message, unless that has to wait */
  give(outgoing: OutgoingChunk<Chunk>): void {
    if (!this.isListening) {
      this.#unsent.push(outgoing);
      return;
    }
    const { message, transferList } = outgoing;
    const chunk = this.#known.has(message.id) ? { ...message, definition: undefined } : message;
    this.send({ chunk, forget: undefined, cancel: undefined }, transferList);
    this.#known.add(message.id);
  }

  /** Tells the worker that nobody waits for a chunk. */
  cancel(number: number): void {
    if (this.isListening) this.send({ chunk: undefined, forget: undefined, cancel: number }, []);
    else this.#unsent.push({ cancel: number });
  }

  /** Takes note that a definition is of no use any more. */
  forget(definition: number): void {
    if (this.knows(definition)) this.#forgotten.add(definition);
  }

  /** Has the worker forget what is of no use any more. It must have no chunk that might need it. */
  tellForgotten(): void {
    if (this.#forgotten.size === 0) return;
    const forget = [...this.#forgotten];
    this.#forgotten.clear();
    for (const definition of forget) this.#known.delete(definition);
    this.send({ chunk: undefined, forget, cancel: undefined }, []);
  }

  /** Sends what has waited for the worker to listen; returns the chunks that Node refuses to send. */
  open(): RefusedChunk<Chunk>[] {
    this.isListening = true;
    const refused: RefusedChunk<Chunk>[] = [];
    for (const unsent of this.#unsent.splice(0))
      if ('cancel' in unsent) this.cancel(unsent.cancel);
      else
        try {
          this.give(unsent);
        } catch (error) {
          refused.push({ chunk: unsent.chunk, error });
        }
    return refused;
  }
}
