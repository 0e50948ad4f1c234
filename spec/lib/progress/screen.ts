import { Writable } from 'node:stream';
import * as assert from 'uvu/assert';
import type { Progress } from '../../../lib/progress/progressMeter.js';

/** A stream that is a terminal, or not, and what is on it. */
export interface Screen {
  readonly stream: NodeJS.WriteStream;
  /** Everything written so far. */
  text(): string;
  /** What a terminal shows now, row by row, without the blanks at the end. */
  rows(): string[];
  /** Makes the terminal wider or narrower, as its user does. */
  resize(columns: number | undefined): void;
}

/** Makes a screen; without `columns` it is a terminal that does not say its width, or with `isTTY: false` none. */
export function screen(columns: number | undefined, options: { readonly isTTY?: boolean } = {}): Screen {
  let text = '';
  const stream = new Writable({
    decodeStrings: false,
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  Object.assign(stream, { isTTY: options.isTTY ?? true, columns, rows: 24 });
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    text: () => text,
    rows: () => shown(text),
    resize(value) {
      Object.assign(stream, { columns: value });
      stream.emit('resize');
    },
  };
}

/** Returns what a terminal shows that knows exactly the codes which a bar may use. Colours are left out. */
function shown(text: string): string[] {
  const rows = [''];
  let [row, column] = [0, 0];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal is told.
  for (const [code] of text.matchAll(/\x1b\[\d*[AmJK]|\x1b\[\?7[lh]|\r|\n|[^\x00-\x1f]|[\s\S]/g)) {
    const line = rows[row] as string;
    if (code === '\r') column = 0;
    else if (code === '\n') [row, column] = [row + 1, 0];
    else if (code.endsWith('A') && code.startsWith('\x1b')) row -= Number(code.slice(2, -1));
    else if (code === '\x1b[K') rows[row] = line.slice(0, column);
    else if (code === '\x1b[J') rows.splice(row, Infinity, line.slice(0, column));
    else if (!code.startsWith('\x1b')) {
      assert.not.match(code, /\p{Cc}/u, 'no other control code');
      rows[row] = line.slice(0, column).padEnd(column) + code + line.slice(column + 1);
      column++;
    }
    rows[row] ??= '';
  }
  return rows.map(line => line.trimEnd());
}

/** A progress with what it has in common with any other filled in. */
export const at = (progress: Partial<Progress>): Progress => ({
  completed: 0,
  failed: 0,
  running: 2,
  elapsed: 0,
  rate: 0,
  ...progress,
});

export const nearlyHalf = at({
  total: 201,
  completed: 90,
  fraction: 90 / 201,
  elapsed: 3200,
  rate: 31.2,
  remaining: 3557,
});

export const all = at({
  total: 201,
  completed: 201,
  running: 0,
  fraction: 1,
  elapsed: 7100,
  rate: 31,
  remaining: 0,
});
