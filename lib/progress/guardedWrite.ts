import type { Output } from './output.js';

/**
 * Makes a function that writes to a stream that may be gone (`2>&1 | head`), as `console` does: an `error` event that
 * nobody listens to would end the process, which a progress bar must never do. After the first error it writes no more.
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
      stream.once?.('error', ignore);
      write(text, error => {
        if (!error) return;
        broken = true;
        // The event comes after this callback. Whoever listens to it now may have left by then: a pipe into the stream
        // throws the error again unless somebody else listens.
        stream.once?.('error', ignore);
      });
    } catch {
      broken = true;
    } finally {
      try {
        stream.removeListener?.('error', ignore);
      } catch {
        broken = true;
      }
    }
  };
}
