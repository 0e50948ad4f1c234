import { fstatSync } from 'node:fs';
import { now } from '../runtime/clock.js';
import { guardedWrite } from './guardedWrite.js';
import { type Interception, interceptWrites } from './interceptWrites.js';
import { isMidLine } from './isMidLine.js';
import { listenToProcess } from './listenToProcess.js';
import type { Output } from './output.js';
import type { Ending, Space } from './progressLine.js';
import { textWidth } from './textWidth.js';

/** A line at the bottom of a terminal, below everything else that is written there. */
export interface LiveLine {
  /** Draws what the line shows now. */
  draw(): void;
  /** Leaves the last state above the lines that go on. */
  close(ending: Ending): void;
}

/** Makes the text of a line. */
type Render = (space: Space, ending?: Ending) => string;

/** The size of a terminal that does not tell its own. */
const USUAL_COLUMNS = 80;
const USUAL_ROWS = 24;

/** Rows of text after which the lines are drawn again at once; they come back with the next frame behind further ones. */
const MAX_REDRAWS = 5;
const REDRAW_WINDOW_MS = 50;

const CLEAR_TO_END_OF_LINE = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';
/** A terminal may be narrower by now than it has told: without wrapping, each line still takes one row. */
const WRAP_OFF = '\u001b[?7l';
const WRAP_ON = '\u001b[?7h';
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are controlled by them.
const COLORS = /\u001b\[\d*m/g;

const key = Symbol.for('rx-parfor.openLine');

/**
 * Opens a line on the terminal behind a stream; stdout and stderr share one where they are the same device.
 *
 * Lines can only be stacked by whoever knows them all: where a program has loaded this module more than once, the first
 * copy draws for the others. What they pass each other is this function's signature.
 */
export function openLine(stream: Output, render: Render): LiveLine {
  const shared = globalThis as { [key]?: typeof openLine };
  shared[key] ??= openOwnLine;
  return shared[key](stream, render);
}

/** The terminals with lines on them. */
const terminals = new Set<Terminal>();

function openOwnLine(stream: Output, render: Render): LiveLine {
  const known = [...terminals].find(terminal => terminal.isBehind(stream));
  return (known ?? new Terminal(stream)).open(stream, render);
}

/**
 * The lines that are live on one terminal, a row each, at its bottom.
 *
 * What others write there goes above them: the lines are cleared, the text passes, the lines are drawn again. They stay
 * away while the text is in the middle of a line. A terminal that has become narrower is taken to have broken the lines
 * into several rows, as nearly all do.
 */
class Terminal {
  readonly #stream: Output;
  readonly #lines: Render[] = [];
  readonly #interceptions = new Map<Output, Interception>();
  readonly #write: (text: string) => void;
  /** The widths of the lines that are on the screen. */
  #drawn: readonly number[] = [];
  /** True while the text of others is in the middle of a line. */
  #midLine = false;
  /** True while a write of others passes. */
  #passing = false;
  #redraws = 0;
  #redrawsSince = 0;
  #leaveProcess: (() => void) | undefined;
  readonly #onResize = () => this.#draw();

  constructor(stream: Output) {
    this.#stream = stream;
    this.#write = guardedWrite(stream, (text, done) => {
      const interception = this.#interceptions.get(stream);
      if (interception) interception.write(text, done);
      else stream.write(text, done);
    });
  }

  isBehind(stream: Output): boolean {
    return isSameTerminal(this.#stream, stream);
  }

  open(stream: Output, render: Render): LiveLine {
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
    this.#leaveProcess = listenToProcess({
      interrupted: () => this.#clear(),
      resumed: () => {
        // Where the cursor is now, none of the lines is.
        this.#drawn = [];
      },
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
    this.#leaveProcess?.();
  }

  #intercept(stream: Output): void {
    if (this.#interceptions.has(stream)) return;
    const interception = interceptWrites(stream, (pass, chunk) => this.#letPass(pass, chunk));
    this.#interceptions.set(stream, interception);
  }

  #letPass(pass: () => boolean, chunk: unknown): boolean {
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

  /** Draws the lines again, unless so much is written that this would take longer than the writing does. */
  #redraw(): void {
    const time = now();
    if (time - this.#redrawsSince >= REDRAW_WINDOW_MS) [this.#redraws, this.#redrawsSince] = [0, time];
    this.#redraws += 1;
    if (this.#redraws <= MAX_REDRAWS) this.#draw();
  }

  #draw(): void {
    if (this.#midLine || this.#passing || this.#lines.length === 0) return;
    // More lines than rows would scroll away, out of the cursor's reach.
    const room = Math.max(1, (this.#stream.rows || USUAL_ROWS) - 1);
    const space = this.#space();
    const texts = this.#lines.slice(0, room).map(render => render(space));
    const frame = WRAP_OFF + texts.join(`${CLEAR_TO_END_OF_LINE}\n`) + WRAP_ON;
    // The cursor waits at the start, so that what the terminal echoes (^C, keys) is cleared with the line.
    this.#write(`${this.#toFirstRow() + frame + CLEAR_BELOW}\r`);
    this.#drawn = texts.map(text => textWidth(text.replace(COLORS, '')));
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

  /** Returns what moves the cursor from the start of the last line to that of the first one. */
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
    // Some terminals wrap, or clear the character again, once the last column is written to.
    return { width: this.#columns - 1, colors: colored ? 'some' : 'none' };
  }
}

/** Returns true if both streams write to one device. */
function isSameTerminal(one: Output, other: Output): boolean {
  if (one === other) return true;
  if (!one.isTTY || !other.isTTY || one.fd === undefined || other.fd === undefined) return false;
  // A process of Windows has one console, which has no device number.
  if (process.platform === 'win32') return true;
  try {
    return fstatSync(one.fd).rdev === fstatSync(other.fd).rdev;
  } catch {
    return false;
  }
}
