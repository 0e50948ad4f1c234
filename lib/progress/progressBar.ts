import { clearLine, cursorTo } from 'node:readline';
import type { Observer } from 'rxjs';
import type { Progress } from './progressMeter.js';

/** An observer of a run's progress that shows it as one line of text. */
export interface ProgressBar extends Observer<Progress> {
  /** Leaves the last state on its line and ends that line. Does nothing when the bar has ended already. */
  finalize(): void;
}

/**
 * Creates a text bar, the one that `progress: true` puts on stderr.
 *
 * On a terminal it is one line that is rewritten in place, fitted to the width that the terminal has at that
 * moment:
 *
 * ```text
 * [========>           ]  44 % 90/201  31/s  elapsed 0:03  left 0:04
 * [====================] 100 % 201/201  31/s  took 0:07
 * ```
 *
 * The least telling parts go first if the width is short. While the total is unknown there is neither bar
 * nor percentage.
 *
 * Anywhere else (a file, a CI log) it prints a line each time another 10 % are done, as QuTiP's
 * `TextProgressBar` does, and a last one; while the total is unknown, a line every 10 s.
 *
 * A bar serves one run. It has no timers, so it never keeps a process alive. It leaves the cursor visible, so
 * Ctrl-C leaves a sane terminal. It never throws, and a stream that cannot be written to is left alone.
 *
 * @param stream Where to draw; its `isTTY` says whether that is a terminal.
 * @return The observer. Call its `finalize` when the run is unsubscribed from; after `complete` or `error`
 * that does no harm.
 */
export function progressBar(stream: NodeJS.WriteStream = process.stderr): ProgressBar {
  const write = writer(stream);
  // A dumb terminal (Emacs' shell, for one) would print the codes that move the cursor.
  const drawing =
    stream.isTTY && process.env.TERM !== 'dumb' ? inPlace(stream, write) : lineByLine(stream, write);
  let last: Progress | undefined;
  let ended = false;

  function end(ending: Ending): void {
    if (ended) return;
    ended = true;
    // A run that never reported has nothing to show, not even an empty line.
    if (last !== undefined) drawing.last(last, ending);
  }

  return {
    next(progress) {
      if (ended) return;
      last = progress;
      drawing.next(progress);
    },
    error: () => end('failed after'),
    complete: () => end('took'),
    finalize: () => end('stopped after'),
  };
}

/** The words before the time that a run took, by the way in which it ended. */
type Ending = 'took' | 'failed after' | 'stopped after';

/** Both ways of drawing go by the run's own clock, `elapsed`: that needs no timer and does not jump. */
interface Drawing {
  next(progress: Progress): void;
  last(progress: Progress, ending: Ending): void;
}

/** At most 20 frames a second: more is flicker to the eye, and time taken from the run. */
const frameInterval = 50;

/** The time between two lines of a run whose end is unknown. */
const logInterval = 10_000;

/** The width of a terminal that does not say its own. */
const usualColumns = 80;

/** Between the brackets: a longer bar tells no more, a shorter one next to nothing. */
const barLength = { min: 10, max: 20 };

function inPlace(stream: NodeJS.WriteStream, write: Write): Drawing {
  let drawnAt = -Infinity;

  function draw(progress: Progress, ending?: Ending): void {
    drawnAt = progress.elapsed;
    // The last column stays free: what is written there makes some terminals wrap, and others clear it again.
    const width = Math.max(0, (stream.columns || usualColumns) - 1);
    const text = line(partsOf(progress, { ending, bar: true }), width);
    write(done => cursorTo(stream, 0, undefined, done));
    write(done => stream.write(text, done));
    // What is left of a longer frame goes after the new one is there; the other way round would flicker.
    write(done => clearLine(stream, 1, done));
  }

  return {
    next(progress) {
      if (progress.elapsed - drawnAt >= frameInterval || fractionOf(progress) === 1) draw(progress);
    },
    last(progress, ending) {
      draw(progress, ending);
      write(done => stream.write('\n', done));
    },
  };
}

function lineByLine(stream: NodeJS.WriteStream, write: Write): Drawing {
  let tenthsPrinted = 0;
  let printedAt = 0;

  function print(progress: Progress, ending?: Ending): void {
    printedAt = progress.elapsed;
    const text = line(partsOf(progress, { ending, bar: false }), Infinity);
    write(done => stream.write(`${text}\n`, done));
  }

  return {
    next(progress) {
      const fraction = fractionOf(progress);
      if (fraction === undefined) {
        if (progress.elapsed - printedAt >= logInterval) print(progress);
        return;
      }
      const tenths = wholes(fraction, 10);
      // The line for all of it is the last one.
      if (tenths <= tenthsPrinted || fraction === 1) return;
      tenthsPrinted = tenths;
      print(progress);
    },
    last: print,
  };
}

/** Makes a write to the stream; the function it is given makes the call and passes `done` on. */
type Write = (call: (done: (error?: Error | null) => void) => void) => void;

/**
 * Guards writes to a stream that may be gone (`2>&1 | head`), as `console` does: an `error` event that nobody
 * listens to would end the process, and that must not be the fault of a progress bar.
 */
function writer(stream: NodeJS.WriteStream): Write {
  const ignore = () => {};
  let broken = false;
  return call => {
    if (broken) return;
    try {
      stream.once('error', ignore);
      call(error => {
        if (!error) return;
        broken = true;
        // This callback comes before the event.
        if (stream.listenerCount('error') === 0) stream.once('error', ignore);
      });
    } catch {
      broken = true;
    } finally {
      stream.removeListener('error', ignore);
    }
  };
}

/** One part of the line. */
interface Part {
  readonly text: string;
  /** The blanks before it, unless it comes first. */
  readonly gap: number;
  /** Its rank when the line must become shorter: the lowest goes first. */
  readonly rank: number;
  /** The same part, longer, for when there is room. */
  readonly stretched?: (length: number) => string;
}

function partsOf(progress: Progress, { ending, bar }: { ending?: Ending | undefined; bar: boolean }): Part[] {
  const { total, failed, rate, elapsed, remaining } = progress;
  const fraction = fractionOf(progress);
  const settled = progress.completed + failed;
  const parts: Part[] = [];

  if (fraction === undefined) {
    parts.push({ text: `${settled} done`, gap: 0, rank: 8 });
  } else {
    const stretched = (length: number) => barOf(fraction, length - 2);
    if (bar) parts.push({ text: stretched(barLength.min + 2), gap: 0, rank: 6, stretched });
    parts.push({ text: `${wholes(fraction, 100)} %`.padStart(5), gap: 1, rank: 8 });
    if (total !== undefined) parts.push({ text: `${settled}/${total}`, gap: 1, rank: 4 });
  }
  if (failed > 0) parts.push({ text: `${failed} failed`, gap: 2, rank: 5 });
  if (rate > 0 && rate < Infinity) parts.push({ text: frequency(rate), gap: 2, rank: 2 });
  if (ending !== undefined) {
    parts.push({ text: `${ending} ${duration(elapsed)}`, gap: 2, rank: 7 });
    return parts;
  }
  parts.push({ text: `elapsed ${duration(elapsed)}`, gap: 2, rank: 1 });
  // Rounded up, so that no time is left only when nothing is.
  if (remaining !== undefined && Number.isFinite(remaining) && fraction !== 1) {
    parts.push({ text: `left ${duration(remaining, Math.ceil)}`, gap: 2, rank: 3 });
  }
  return parts;
}

/** Joins what fits into a width, dropping the parts of lowest rank. */
function line(parts: readonly Part[], width: number): string {
  const text = parts.map((part, index) => (index === 0 ? '' : ' '.repeat(part.gap)) + part.text).join('');
  if (text.length > width) {
    if (parts.length === 1) return text.trim().slice(0, width);
    const lowest = Math.min(...parts.map(part => part.rank));
    return line(
      parts.filter(part => part.rank !== lowest),
      width,
    );
  }
  const [first] = parts;
  if (first?.stretched === undefined) return text;
  const length = Math.min(first.text.length + width - text.length, barLength.max + 2);
  return first.stretched(length) + text.slice(first.text.length);
}

function barOf(fraction: number, length: number): string {
  const filled = wholes(fraction, length);
  const bar = filled < length ? `${'='.repeat(filled)}>` : '='.repeat(filled);
  return `[${bar.padEnd(length)}]`;
}

/** Returns the part that is done, 0 to 1 and 1 only when all of it is; `undefined` while the total is unknown. */
function fractionOf({ total, completed, failed }: Progress): number | undefined {
  if (total === undefined || !Number.isFinite(total)) return undefined;
  return completed + failed >= total ? 1 : (completed + failed) / total;
}

/** Returns the number of `count` equal pieces that are done entirely: 29 of 100 at 0.29, although 0.29 * 100 < 29. */
function wholes(fraction: number, count: number): number {
  return fraction < 1 ? Math.min(Math.floor(fraction * count + 1e-9), count - 1) : count;
}

/** `3.1/s`, `31/s`, `1.2k/s`; tasks of more than a second are counted by the minute or the hour. */
function frequency(perSecond: number): string {
  if (perSecond >= 1) return `${quantity(perSecond)}/s`;
  return perSecond * 60 >= 1 ? `${quantity(perSecond * 60)}/min` : `${quantity(perSecond * 3600)}/h`;
}

function quantity(value: number): string {
  let scaled = value;
  for (const prefix of ['', 'k', 'M', 'G']) {
    const digits = scaled.toFixed(scaled < 9.95 ? 1 : 0);
    // Asked of the rounded number: 999.7 is 1.0k and not 1000.
    if (Number(digits) < 1000) return digits + prefix;
    scaled /= 1000;
  }
  return value.toExponential(1);
}

/** `0:03`, `12:05`, `1:02:03`. */
function duration(ms: number, round: (value: number) => number = Math.floor): string {
  const seconds = round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
