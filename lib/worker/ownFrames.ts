import { attempt, framesOf, isInstance } from '../errors.js';

/**
 * Returns the folder of the worker's own code as stacks have it: a URL, or where there are source maps the path of the
 * sources. The program's own code is elsewhere, as the worker is never a part of its bundle.
 */
function ownFolder(): string {
  const [frame = ''] = framesOf(new Error());
  const file = /(?:^|\()((?:file:|\/|[A-Za-z]:\\).*):\d+:\d+\)?$/.exec(frame)?.[1] ?? import.meta.url;
  return file.replace(/[^\\/]*$/, '').replace(/([\\/]lib[\\/])worker[\\/]$/, '$1');
}

const own = ownFolder();

/** True for a line of Node's by which one of the worker's own calls another: tasks run in an async context. */
const isCallBetween = (lines: readonly string[], i: number): boolean =>
  /\bAsyncLocalStorage\.run \(node:/.test(lines[i] as string) && Boolean(lines[i - 1]?.includes(own));

/** Takes the worker's frames off the stack of what a task threw: the program's own are what its reader looks for. */
export function dropOwnFrames(thrown: unknown): void {
  if (!isInstance(thrown, Error)) return;
  attempt(() => {
    const { stack } = thrown;
    if (typeof stack === 'string' && stack.includes(own))
      thrown.stack = stack
        .split('\n')
        .filter((line, i, lines) => !line.includes(own) && !isCallBetween(lines, i))
        .join('\n');
  }, undefined);
}
