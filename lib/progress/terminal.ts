import { fstatSync } from 'node:fs';
import { now } from '../runtime/clock.js';
import { guardedWrite } from './guardedWrite.js';
import { type Interception, interceptWrites } from './interceptWrites.js';
import { onProcessEnd } from './onProcessEnd.js';
import type { Ending, Space } from './progressLine.js';
import { textWidth } from './textWidth.js';

/** A line at the bottom of a terminal, below all that is written there. */
export interface LiveLine {
  /** Draws what the line shows now. */
  draw(): void;
  /** Leaves the last state above the lines that go on. */
  close(ending: Ending): void;
}

/** Makes the text of a line. */
type Render = (space: Space, ending?: Ending) => string;

/** The size of a terminal that does not say its own. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

/** Rows of text that are followed by all lines at once, before the next frame brings these back. */
const MAX_REDRAWS = 5;
const REDRAW_WINDOW_MS = 50;

const CLEAR_TO_END_OF_LINE = '\u001b[K';
/** While lines are drawn: a terminal may be narrower than it has told yet, and each line is one row all the same. */
const WRAP_NOT = '\u001b[?7l';
const WRAP = '\u001b[?7h';
const CLEAR_BELOW = '\u001b[J';
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours and the cursor's look leave the cursor where it is.
const LOOKS = /\u001b\[[?\d;]*[mhl]/g;

/** The terminals with lines on them. */
const terminals = new Set<Terminal>();

/** Opens a line on the terminal behind a stream: the same terminal for stdout and stderr, where it is the same. */
export function openLine(stream: NodeJS.WriteStream, render: Render): LiveLine {
  const shared = [...terminals].find(terminal => terminal.isBehind(stream));
  return (shared ?? new Terminal(stream)).open(stream, render);
}

/**
 * The lines that are alive on one terminal, one a row, at its bottom.
 *
 * What others write to it meanwhile goes above them: the lines are cleared, the text passes, the lines are drawn again.
 * They stay away while the text has not ended its line. A terminal that has become narrower is taken to have broken the
 * lines into several rows, as nearly all do.
 */
class Terminal {
  readonly #stream: NodeJS.WriteStream;
  readonly #lines: Render[] = [];
  readonly #interceptions = new Map<NodeJS.WriteStream, Interception>();
  readonly #write: (text: string) => void;
  /** The widths of the lines that are on the screen. */
  #drawn: readonly number[] = [];
  /** True while the last text of others has not ended its line. */
  #midLine = false;
  /** True while something of others passes. */
  #passing = false;
  #redraws = 0;
  #redrawsSince = 0;
  #forgetProcess: (() => void) | undefined;
  readonly #onResize = () => this.#draw();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    this.#write = guardedWrite(stream, (text, done) => {
      const interception = this.#interceptions.get(stream);
      if (interception) interception.write(text, done);
      else stream.write(text, done);
    });
  }

  isBehind(stream: NodeJS.WriteStream): boolean {
    return isSameTerminal(this.#stream, stream);
  }

  open(stream: NodeJS.WriteStream, render: Render): LiveLine {
    if (this.#lines.length === 0) this.#begin();
    this.#intercept(stream);
    this.#lines.push(render);
    return {
      draw: () => {
        if (this.#lines.includes(render)) this.#draw();
      },
      close: ending => this.#close(render, ending),
    };
  }

  #begin(): void {
    terminals.add(this);
    this.#midLine = false;
    for (const standard of [process.stdout, process.stderr])
      if (isSameTerminal(standard, this.#stream)) this.#intercept(standard);
    this.#stream.on?.('resize', this.#onResize);
    this.#forgetProcess = onProcessEnd({
      interrupted: () => this.#clear(),
      ended: () => {
        for (const render of [...this.#lines]) this.#close(render, 'stopped');
      },
    });
  }

  #end(): void {
    terminals.delete(this);
    for (const interception of this.#interceptions.values()) interception.release();
    this.#interceptions.clear();
    this.#stream.removeListener?.('resize', this.#onResize);
    this.#forgetProcess?.();
  }

  #intercept(stream: NodeJS.WriteStream): void {
    if (this.#interceptions.has(stream)) return;
    const interception = interceptWrites(stream, (pass, chunk) => this.#passOn(pass, chunk));
    this.#interceptions.set(stream, interception);
  }

  #passOn(pass: () => boolean, chunk: unknown): boolean {
    if (this.#passing) return pass();
    this.#passing = true;
    try {
      this.#clear();
      return pass();
    } finally {
      this.#passing = false;
      this.#midLine = isMidLine(chunk, this.#midLine);
      this.#redraw();
    }
  }

  /** Draws the lines again, unless so many rows go by that this would take more time than they do. */
  #redraw(): void {
    const time = now();
    if (time - this.#redrawsSince >= REDRAW_WINDOW_MS) [this.#redraws, this.#redrawsSince] = [0, time];
    this.#redraws += 1;
    if (this.#redraws <= MAX_REDRAWS) this.#draw();
  }

  #draw(): void {
    if (this.#midLine || this.#passing) return;
    // More lines than rows would scroll, and could not be reached any more.
    const room = Math.max(1, (this.#stream.rows || USUAL_ROWS) - 1);
    const space = this.#space();
    const texts = this.#lines.slice(0, room).map(render => render(space));
    const frame = WRAP_NOT + texts.join(`${CLEAR_TO_END_OF_LINE}\n`) + WRAP;
    // The cursor waits at the start, so that what the terminal echoes (^C, keys) is cleared with the line.
    this.#write(`${this.#toFirstRow() + frame + CLEAR_BELOW}\r`);
    this.#drawn = texts.map(text => textWidth(text.replace(LOOKS, '')));
  }

  #clear(): void {
    if (this.#drawn.length === 0) return;
    this.#write(this.#toFirstRow() + CLEAR_BELOW);
    this.#drawn = [];
  }

  #close(render: Render, ending: Ending): void {
    const index = this.#lines.indexOf(render);
    if (index < 0) return;
    this.#lines.splice(index, 1);
    const start = this.#midLine ? '\n' : this.#toFirstRow();
    this.#write(`${start}${render(this.#space(), ending)}${CLEAR_BELOW}\n`);
    this.#midLine = false;
    this.#drawn = [];
    if (this.#lines.length > 0) this.#draw();
    else this.#end();
  }

  /** Returns what moves the cursor from the start of the last of the lines to that of the first. */
  #toFirstRow(): string {
    const above = this.#drawn.slice(0, -1);
    const rows = above.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / this.#columns)), 0);
    return rows > 0 ? `\r\u001b[${rows}A` : '\r';
  }

  get #columns(): number {
    return this.#stream.columns || USUAL_COLUMNS;
  }

  #space(): Space {
    const colored = this.#stream.hasColors?.() ?? !process.env.NO_COLOR;
    // The last column stays free: what is written there makes some terminals wrap, and others clear it again.
    return { width: this.#columns - 1, colors: colored ? 'some' : 'none' };
  }
}

/** Returns true if a text leaves the cursor within a line. */
function isMidLine(chunk: unknown, before: boolean): boolean {
  const bytes = chunk instanceof Uint8Array ? Buffer.from(chunk.subarray(-64)) : chunk;
  const text = String(bytes).slice(-64).replace(LOOKS, '');
  return text === '' ? before : !text.endsWith('\n');
}

/** True if both streams write to one device. */
function isSameTerminal(one: Descriptor, other: Descriptor): boolean {
  if (one === other) return true;
  if (!one.isTTY || !other.isTTY || one.fd === undefined || other.fd === undefined) return false;
  try {
    return fstatSync(one.fd).rdev === fstatSync(other.fd).rdev;
  } catch {
    return false;
  }
}

/** A stream, as far as it tells its device. */
interface Descriptor {
  readonly isTTY?: boolean;
  readonly fd?: number;
}
