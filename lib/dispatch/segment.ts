import { EmittedValues } from './emittedValues.js';

/** Counts what an input has been through before: workers that died with it, and failures. */
export interface InputHistory {
  readonly crashes: number;
  readonly attempts: number;
}

/** The history of inputs that were never given out. */
export const NO_HISTORY: InputHistory = { crashes: 0, attempts: 0 };

/** Consecutive inputs and the index of their first. */
export interface Segment {
  readonly first: number;
  readonly values: ArrayLike<unknown>;
  /** The inputs as they were emitted. Left out where they cannot have changed. */
  readonly emitted?: EmittedValues;
  /** Suspects of a crash or a timeout, or inputs that are tried again: to be given out one by one. */
  readonly alone: boolean;
  /** The same for each of them. It lives and goes with the inputs, so no table of it grows. */
  readonly history: InputHistory;
}

/** Returns part of some inputs; numbers are not copied. */
export function sliceInputs(values: ArrayLike<unknown>, from: number, to: number): ArrayLike<unknown> {
  if (from === 0 && to === values.length) return values;
  return values instanceof Float64Array ? values.subarray(from, to) : (values as unknown[]).slice(from, to);
}

/** Returns part of a segment; numbers are not copied. */
export function sliceSegment(segment: Segment, from: number, to: number): Segment {
  const { first, values, emitted } = segment;
  if (from === 0 && to === values.length) return segment;
  return {
    ...segment,
    first: first + from,
    values: sliceInputs(values, from, to),
    ...(emitted && { emitted: emitted.slice(from, to) }),
  };
}

/** Returns the inputs of consecutive segments as they were emitted. */
const joinedEmitted = (pieces: readonly Segment[]): EmittedValues | undefined =>
  pieces.every(({ emitted }) => emitted === undefined)
    ? undefined
    : pieces
        .map(({ emitted, values }) => emitted ?? EmittedValues.unchanging(values.length))
        .reduce((all, others) => all.concat(others));

function joined(pieces: readonly ArrayLike<unknown>[]): ArrayLike<unknown> {
  const numbers = pieces.every(piece => piece instanceof Float64Array);
  if (!numbers)
    return ([] as unknown[]).concat(
      ...pieces.map(piece => (Array.isArray(piece) ? piece : Array.from(piece))),
    );
  const all = new Float64Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Makes one segment of consecutive ones that are alike. */
export function joinSegments(pieces: readonly [Segment, ...Segment[]]): Segment {
  const [front] = pieces;
  if (pieces.length === 1) return front;
  const emitted = joinedEmitted(pieces);
  return { ...front, values: joined(pieces.map(({ values }) => values)), ...(emitted && { emitted }) };
}
