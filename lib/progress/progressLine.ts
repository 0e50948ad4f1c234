import type { Progress } from './progressMeter.js';
import { fitText, textWidth } from './textWidth.js';
import { countdown, duration, frequency, wholes } from './units.js';

/** The ways in which a run ends. */
export type Ending = 'completed' | 'failed' | 'stopped';

/** What a line is made of. */
export interface LineOptions {
  readonly label?: string | undefined;
  /** Absent while the run is on. */
  readonly ending?: Ending | undefined;
}

/** The room for a line that is drawn. */
export interface Space {
  /** In columns. */
  readonly width: number;
  /** Whether the terminal shows colours. */
  readonly colors: 'none' | 'some';
}

/** Columns between the brackets: a shorter bar shows next to nothing. */
const MIN_BAR_LENGTH = 10;

/** The share of a line that a label may take. */
const LABEL_SHARE = 1 / 3;

/** The words before the time that a run took. */
const endingWords = { completed: 'took', failed: 'failed after', stopped: 'stopped after' } as const;

const red = (text: string): string => `\u001b[31m${text}\u001b[39m`;

/** One part of the line. */
interface Part {
  readonly text: string;
  /** Blanks before it, unless it comes first. */
  readonly gap: number;
  /** Its rank where the line is too long: the lowest is left out first. */
  readonly rank: number;
  /** The same part at another length, to fill the line. */
  readonly stretched?: (length: number) => string;
  /** True for bad news. */
  readonly alarming?: boolean;
}

/**
 * Draws a run as one line that fits into a width and fills it with the bar:
 * `[========>           ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s`.
 */
export function barLine(
  progress: Progress,
  { label, ending }: LineOptions,
  { width, colors }: Space,
): string {
  const parts = partsOf(progress, fitText(label ?? '', Math.floor(width * LABEL_SHARE)), ending);
  return join(parts, width, colors);
}

/** Writes a run as QuTiP does: `10.0%. Run time:   3.10s. Est. time left: 00:00:00:27`. */
export function textLine(progress: Progress, { label, ending }: LineOptions = {}): string {
  const { failed, elapsed, completed } = progress;
  const fraction = fractionOf(progress);
  const failures = failed > 0 ? `, ${failed} failed` : '';
  const time = `${(elapsed / 1000).toFixed(2).padStart(6)}s`;
  const start = label ? `${fitText(label, Infinity)}: ` : '';
  if (ending !== undefined)
    return `${start}${{ completed: '', failed: 'Failed. ', stopped: 'Stopped. ' }[ending]}Total run time: ${time}${failures}`;
  if (fraction === undefined) return `${start}${completed + failed} done. Run time: ${time}${failures}`;
  const percentage = `${(wholes(fraction, 1000) / 10).toFixed(1).padStart(4)}%. Run time: ${time}`;
  const left = fraction === 1 ? 0 : (progress.remaining ?? (elapsed * (1 - fraction)) / fraction);
  const estimate = Number.isFinite(left) ? `. Est. time left: ${countdown(left)}` : '';
  return `${start}${percentage}${estimate}${failures}`;
}

/** Writes a run as a JSON object on one line: the progress, its `label`, and its `state`. */
export function jsonLine(progress: Progress, { label, ending }: LineOptions = {}): string {
  return JSON.stringify({
    ...(label === undefined ? {} : { label }),
    state: ending ?? 'running',
    ...progress,
  });
}

/** Returns the fraction that is done: 1 only where everything is, `undefined` while the total is unknown. */
export function fractionOf({ total, completed, failed }: Progress): number | undefined {
  if (total === undefined || !Number.isFinite(total)) return undefined;
  return completed + failed >= total ? 1 : (completed + failed) / total;
}

function partsOf(progress: Progress, label: string, ending: Ending | undefined): Part[] {
  const { total, failed, rate, elapsed, remaining } = progress;
  const fraction = fractionOf(progress);
  const settled = progress.completed + failed;
  const parts: Part[] = [];

  if (label !== '') parts.push({ text: label, gap: 0, rank: 9 });
  if (fraction === undefined) {
    parts.push({ text: `${settled} done`, gap: 1, rank: 8 });
  } else {
    const stretched = (length: number) => barOf(fraction, length - 2);
    // A run that was cut off leaves no bar behind.
    if (ending === undefined || ending === 'completed')
      parts.push({ text: stretched(MIN_BAR_LENGTH + 2), gap: 1, rank: 6, stretched });
    parts.push({ text: `${wholes(fraction, 100)} %`.padStart(5), gap: 1, rank: 8 });
    if (total !== undefined) parts.push({ text: `${settled}/${total}`, gap: 1, rank: 4 });
  }
  if (failed > 0) parts.push({ text: `${failed} failed`, gap: 2, rank: 5, alarming: true });
  if (rate > 0 && rate < Infinity) parts.push({ text: frequency(rate), gap: 2, rank: 2 });
  if (ending !== undefined) {
    const text = `${endingWords[ending]} ${duration(elapsed)}`;
    parts.push({ text, gap: 2, rank: 7, alarming: ending === 'failed' });
    return parts;
  }
  parts.push({ text: `elapsed ${duration(elapsed)}`, gap: 2, rank: 1 });
  // Rounded up: 0 would say that the run is over.
  if (remaining !== undefined && Number.isFinite(remaining) && fraction !== 1)
    parts.push({ text: `left ${duration(Math.max(remaining, 1), Math.ceil)}`, gap: 2, rank: 3 });
  return parts;
}

/** Joins the parts that fit into a width, leaving out those of lowest rank, and fills it with the part that stretches. */
function join(parts: readonly Part[], width: number, colors: Space['colors']): string {
  const gapOf = (part: Part, index: number) => (index === 0 ? 0 : part.gap);
  const length = parts.reduce((sum, part, i) => sum + gapOf(part, i) + textWidth(part.text), 0);
  if (length > width) {
    if (parts.length === 1) return fitText((parts[0] as Part).text, width);
    const lowest = Math.min(...parts.map(part => part.rank));
    return join(
      parts.filter(part => part.rank !== lowest),
      width,
      colors,
    );
  }
  return parts
    .map((part, i) => {
      const text = part.stretched?.(part.text.length + width - length) ?? part.text;
      return ' '.repeat(gapOf(part, i)) + (part.alarming && colors === 'some' ? red(text) : text);
    })
    .join('');
}

function barOf(fraction: number, length: number): string {
  const filled = wholes(fraction, length);
  const bar = filled < length ? `${'='.repeat(filled)}>` : '='.repeat(filled);
  return `[${bar.padEnd(length)}]`;
}
