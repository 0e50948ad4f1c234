/** The part of a stream that is written to. */
export type Output = Pick<NodeJS.WriteStream, 'write' | 'once' | 'removeListener'>;

/**
 * Makes a function that writes to a stream that may be gone (`2>&1 | head`), as `console` does: an `error` event that
 * nobody listens to would end the process, and that must not be the fault of a progress bar.
 * @param write the stream's own way to write
 */
export function guardedWrite(
  stream: Output,
  write: (text: string, done: (error?: Error | null) => void) => void = (text, done) =>
    void stream.write(text, done),
): (text: string) => void {
  const ignore = () => {};
  let broken = false;
  return text => {
    if (broken) return;
    try {
      stream.once('error', ignore);
      write(text, error => {
        if (!error) return;
        broken = true;
        // This callback comes before the event. Whoever listens to it now may not do so then: a pipe into the stream
        // throws the error again unless there is one more listener.
        stream.once('error', ignore);
      });
    } catch {
      broken = true;
    } finally {
      try {
        stream.removeListener('error', ignore);
      } catch {
        broken = true;
      }
    }
  };
}
