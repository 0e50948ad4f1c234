import type { Observer } from 'rxjs';
import { guardedWrite } from './guardedWrite.js';
import { barLine, type Ending, fractionOf, jsonLine, type LineOptions, textLine } from './progressLine.js';
import type { Progress } from './progressMeter.js';
import { type LiveLine, openLine } from './terminal.js';
import { wholes } from './units.js';

/** Options of {@link progressBar}. */
export interface ProgressBarOptions {
  /**
   * `'bar'`: one line that is redrawn in place, and lines of text where that cannot be done: in a file, a CI log, a dumb
   * terminal. `'text'`: lines as of QuTiP's `TextProgressBar`. `'json'`: an object of JSON a line, for programs.
   * @default 'bar'
   */
  format?: 'bar' | 'text' | 'json';
  /**
   * The name of the run, at the start of its line; it tells runs apart that go on at once.
   * @default none
   */
  label?: string;
  /**
   * The stream to write to; its `isTTY` says whether it is a terminal.
   * @default process.stderr
   */
  stream?: NodeJS.WriteStream;
  /**
   * Milliseconds after which there is a line of `'text'` or `'json'` at the latest; each tenth of the run has one anyway.
   * Above 0; `Infinity` for the tenths alone.
   * @default 30_000
   */
  every?: number;
}

/** An observer of a run's progress that writes it to a stream. */
export interface ProgressBar extends Observer<Progress> {
  /** Leaves the last state as `stopped after …`: the run was unsubscribed from. Does nothing where it has ended already. */
  finalize(): void;
}

/** At most 20 frames a second: more is flicker to the eye, and time taken from the run. */
const FRAME_INTERVAL_MS = 50;

/** The usual time between two lines of a slow run. */
const LINE_INTERVAL_MS = 30_000;

/**
 * Makes an observer of progress that shows it on a terminal or in a log: give it to a run as `progress`.
 *
 * On a terminal it is one line a run, as wide as the terminal, below all that is written to stdout and stderr meanwhile:
 *
 * ```text
 * detuning [========>           ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s
 * detuning [====================] 100 % 201/201  31/s  took 7.1 s
 * ```
 *
 * The least telling parts go first where the width is short. While the total is unknown there is neither bar nor
 * percentage. Failures are red, unless `NO_COLOR` is set. Anywhere else, and as `'text'`, there is a line at each tenth
 * of the run or every 30 s, whichever comes first:
 *
 * ```text
 * 10.0%. Run time:   3.10s. Est. time left: 00:00:00:27
 * Total run time:  28.91s
 * ```
 *
 * As `'json'` there are the members of `Progress`, `label`, and `state`: `running`, `completed`, `failed` or `stopped`.
 *
 * One bar shows one run at a time, and may show another one after it. It has no timers, so it keeps no process alive; it
 * never throws, and leaves a stream alone that cannot be written to. While it is drawn it stands in for the `write` of
 * stdout and stderr. The end of the process leaves no bar behind.
 *
 * @param options all of them may be left out: `progressBar()` is what `progress: true` stands for
 * @returns an observer
 * @throws TypeError, RangeError for an option that is wrong
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
export function progressBar(options: ProgressBarOptions = {}): ProgressBar {
  check(options);
  const { format = 'bar', label, stream = process.stderr, every = LINE_INTERVAL_MS } = options;
  // A dumb terminal (Emacs' shell, for one) would print the codes that move the cursor.
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

/** Both ways of drawing go by the run's own clock, `elapsed`: that needs no timer and does not jump. */
interface Drawing {
  next(progress: Progress): void;
  last(progress: Progress, ending: Ending): void;
}

function drawnInPlace(stream: NodeJS.WriteStream, label: string | undefined): Drawing {
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

interface LogOptions {
  readonly stream: NodeJS.WriteStream;
  readonly label: string | undefined;
  readonly every: number;
  readonly line: (progress: Progress, options: LineOptions) => string;
}

function writtenInLines({ stream, label, every, line }: LogOptions): Drawing {
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

const formats: readonly unknown[] = ['bar', 'text', 'json'];

/** The values that an option accepts, in words, and whether it accepts one. */
const rules: Record<keyof ProgressBarOptions, readonly [accepts: string, test: (value: unknown) => boolean]> =
  {
    format: ["'bar', 'text' or 'json'", value => formats.includes(value)],
    label: ['a string', value => typeof value === 'string'],
    stream: [
      'a stream, such as process.stdout',
      value => typeof (value as Partial<NodeJS.WriteStream> | null)?.write === 'function',
    ],
    every: ['milliseconds above 0', value => typeof value === 'number' && value > 0],
  };

function check(options: unknown): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`progressBar: the options must be an object, got ${String(options)}`);
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name as keyof ProgressBarOptions] : undefined;
    if (!rule)
      throw new TypeError(
        `progressBar: there is no option \`${name}\`; the options are ${Object.keys(rules).join(', ')}`,
      );
    const [accepts, test] = rule;
    if (value === undefined || test(value)) continue;
    const got =
      typeof value === 'string'
        ? JSON.stringify(value)
        : typeof value === 'object'
          ? 'an object'
          : String(value);
    const Kind = typeof value === 'number' && name === 'every' ? RangeError : TypeError;
    throw new Kind(`progressBar: \`${name}\` must be ${accepts}, got ${got}`);
  }
}
