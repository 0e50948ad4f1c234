import type { Chunk, Run } from '../executor.js';
import type { ColumnBatch } from '../protocol/columnBatch.js';
import type { EmittedValues } from './emittedValues.js';
import type { Segment } from './segment.js';

/** Makes the chunk of some inputs, as an executor is given it. */
export const chunkOf = (run: Run, { first, values, emitted }: Segment): Chunk =>
  emitted ? new ChangeableChunk(run, first, values, emitted) : { run, first, inputs: values };

/** A chunk whose inputs may have changed while it waited: they are as they were emitted when they are first read. */
class ChangeableChunk implements Chunk {
  #restored: ArrayLike<unknown> | undefined;

  constructor(
    readonly run: Run,
    readonly first: number,
    private readonly values: ArrayLike<unknown>,
    private readonly emitted: EmittedValues,
  ) {}

  get inputs(): ArrayLike<unknown> {
    this.#restored ??= this.emitted.restore(this.values);
    return this.#restored;
  }

  get kept(): ArrayLike<unknown> | ColumnBatch {
    return this.emitted.columns() ?? this.emitted.kept(this.values);
  }
}
