import type { Observer } from 'rxjs';
import { checkOptions, milliseconds, ofType, orInfinity, type Rule } from '../runtime/checkOptions.js';
import { guardedWrite } from './guardedWrite.js';
import type { Output } from './output.js';
import { barLine, type Ending, fractionOf, jsonLine, type LineOptions, textLine } from './progressLine.js';
import type { Progress } from './progressMeter.js';
import { type LiveLine, openLine } from './terminal.js';
import { wholes } from './units.js';

/** Options of {@link progressBar}. */
export interface ProgressBarOptions {
  /**
   * `'bar'`: one line that is redrawn in place, or lines of `'text'` where that cannot be done: in a file, in a CI log, on
   * a dumb terminal. `'text'`: lines like those of QuTiP's `TextProgressBar`. `'json'`: one JSON object per line, for
   * programs.
   * @default 'bar'
   */
  format?: 'bar' | 'text' | 'json';
  /**
   * The name of the run, which starts each of its lines: it tells concurrent runs apart.
   * @default none
   */
  label?: string;
  /**
   * The stream to write to. It is taken for a terminal where its `isTTY` is true.
   * @default process.stderr
   */
  stream?: NodeJS.WritableStream;
  /**
   * The longest time between two lines of `'text'` or `'json'`, in milliseconds above 0. Each tenth of the run has a line
   * besides; `Infinity` leaves only those.
   * @default 30_000
   */
  every?: number;
}

/** An observer of a run's progress that writes it to a stream. */
export interface ProgressBar extends Observer<Progress> {
  /** Leaves the last state as `stopped after …`: the run was unsubscribed from. Does nothing where the run has ended. */
  finalize(): void;
}

/** At most 20 frames a second: more would flicker, and take time from the run. */
const FRAME_INTERVAL_MS = 50;

/** The longest time between two lines, by default. */
const LINE_INTERVAL_MS = 30_000;

/**
 * Makes an observer of progress that shows it on a terminal or in a log: give it to a run as `progress`.
 *
 * On a terminal each run has one line, as wide as the terminal and below everything written to stdout and stderr
 * meanwhile:
 *
 * ```text
 * detuning [========>           ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s
 * detuning [====================] 100 % 201/201  31/s  took 7.1 s
 * ```
 *
 * Where the terminal is narrow, the least important parts are left out. While the total is unknown there is neither bar
 * nor percentage. Failures are red, unless `NO_COLOR` is set. Anywhere else, and as `'text'`, a line is written at each
 * tenth of the run or every 30 s, whichever comes first:
 *
 * ```text
 * 10.0%. Run time:   3.10s. Est. time left: 00:00:00:27
 * Total run time:  28.91s
 * ```
 *
 * A line of `'json'` has the members of `Progress`, the `label`, and the `state`: `running`, `completed`, `failed` or
 * `stopped`.
 *
 * One bar shows one run at a time, and can show another one afterwards. It starts no timers, so it keeps no process alive,
 * and it never throws: it stops writing to a stream that fails. While it is drawn it replaces `write` of stdout and stderr
 * and listens to SIGINT, SIGTERM and SIGHUP, so that no bar is left behind when the process ends.
 *
 * @param options none is required; `progressBar()` is what `progress: true` stands for
 * @throws TypeError, RangeError for a wrong option
 * @example
 * import { range } from 'rxjs';
 * import { parallelMap, progressBar } from 'rx-parfor';
 *
 * const progress = progressBar({ label: 'squares', format: 'text', stream: process.stdout, every: 5_000 });
 * range(0, 100)
 *   .pipe(parallelMap(x => x ** 2, { progress }))
 *   .subscribe();
 * @see QuTiP's `TextProgressBar`
 */
export function progressBar(options?: ProgressBarOptions): ProgressBar {
  const given = checkOptions<ProgressBarOptions>('progressBar', options, rules);
  const { format = 'bar', label, every = LINE_INTERVAL_MS } = given;
  const stream: Output = given.stream ?? process.stderr;
  // A dumb terminal, such as Emacs' shell, would print the codes that move the cursor.
  const inPlace = format === 'bar' && stream.isTTY && process.env.TERM !== 'dumb';
  const line = format === 'json' ? jsonLine : textLine;
  let drawing: Drawing | undefined;
  let last: Progress | undefined;

  function end(ending: Ending): void {
    // A run that never reported has nothing to show, not even an empty line.
    if (drawing && last) drawing.last(last, ending);
    drawing = undefined;
  }

  return {
    next(progress) {
      last = progress;
      drawing ??= inPlace ? drawnInPlace(stream, label) : writtenInLines({ stream, label, every, line });
      drawing.next(progress);
    },
    error: () => end('failed'),
    complete: () => end('completed'),
    finalize: () => end('stopped'),
  };
}

/** A way to draw one run. Both ways take the time from `elapsed`, the run's own clock: it needs no timer and never jumps. */
interface Drawing {
  next(progress: Progress): void;
  last(progress: Progress, ending: Ending): void;
}

function drawnInPlace(stream: Output, label: string | undefined): Drawing {
  let shown: Progress | undefined;
  let drawnAt = -Infinity;
  let line: LiveLine | undefined;
  return {
    next(progress) {
      shown = progress;
      if (progress.elapsed - drawnAt < FRAME_INTERVAL_MS && fractionOf(progress) !== 1) return;
      drawnAt = progress.elapsed;
      line ??= openLine(stream, (space, ending) => barLine(shown as Progress, { label, ending }, space));
      line.draw();
    },
    last: (_, ending) => line?.close(ending),
  };
}

interface LinesOptions {
  readonly stream: Output;
  readonly label: string | undefined;
  readonly every: number;
  readonly line: (progress: Progress, options: LineOptions) => string;
}

function writtenInLines({ stream, label, every, line }: LinesOptions): Drawing {
  const write = guardedWrite(stream);
  let tenthsPrinted = 0;
  let printedAt = 0;

  function print(progress: Progress, ending?: Ending): void {
    printedAt = progress.elapsed;
    write(`${line(progress, { label, ending })}\n`);
  }

  return {
    next(progress) {
      const tenths = wholes(fractionOf(progress) ?? 0, 10);
      if (tenths <= tenthsPrinted && progress.elapsed - printedAt < every) return;
      tenthsPrinted = Math.max(tenths, tenthsPrinted);
      print(progress);
    },
    last: print,
  };
}

// Marked as pure: a bundle without a bar leaves them out.
const rules = /* @__PURE__ */ ((): Record<keyof ProgressBarOptions, Rule> => ({
  format: ofType("'bar', 'text' or 'json'", value => ['bar', 'text', 'json'].includes(value as string)),
  label: ofType('a string', value => typeof value === 'string'),
  stream: ofType(
    'a stream, such as process.stdout',
    value => typeof (value as Partial<Output> | null)?.write === 'function',
  ),
  every: orInfinity(milliseconds),
}))();
