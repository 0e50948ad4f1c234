type Terminal = Pick<NodeJS.WriteStream, 'isTTY' | 'columns' | 'rows' | 'hasColors'> & {
  readonly fd: number;
};
type Events = Pick<NodeJS.WritableStream, 'on' | 'once' | 'removeListener'>;

/** A stream to write to, and what it may know of its terminal. */
export type Output = Pick<NodeJS.WritableStream, 'write'> & Partial<Events & Terminal>;
