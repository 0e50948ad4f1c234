/** Figures in rows, as they are printed and written to `results.md`. */
export interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What the figures were hoped to be, and whether they are. */
export interface Verdict {
  readonly what: string;
  readonly measured: string;
  readonly target: string;
  readonly met: boolean;
}

/** What one bench has to say. */
export interface Section {
  readonly title: string;
  readonly about: string;
  readonly verdicts: readonly Verdict[];
  readonly tables: readonly Table[];
  /** The file name of a plot beside `results.md`. */
  readonly plot?: string;
}

/** A number with `digits` significant ones, thousands grouped. */
export const figure = (value: number, digits = 3): string =>
  value.toLocaleString('en-US', { maximumSignificantDigits: digits, useGrouping: true });

/** A number with two decimal places: an efficiency, a ratio near one. */
export const fraction = (value: number): string => value.toFixed(2);

export const atLeast = (what: string, value: number, target: number, unit = ''): Verdict => ({
  what,
  measured: figure(value) + unit,
  target: `≥ ${figure(target)}${unit}`,
  met: value >= target,
});

export const atMost = (what: string, value: number, target: number, unit = ''): Verdict => ({
  what,
  measured: figure(value) + unit,
  target: `≤ ${figure(target)}${unit}`,
  met: value <= target,
});

export const verdictTable = (verdicts: readonly Verdict[]): Table => ({
  caption: 'Targets',
  head: ['what', 'measured', 'target', ''],
  rows: verdicts.map(({ what, measured, target, met }) => [
    what,
    measured,
    target,
    met ? 'met' : '**missed**',
  ]),
});

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

/** A table in Markdown, its columns padded, the first to the left and all others to the right. */
export function markdownTable({ caption, head, rows }: Table): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...rows.map(row => (row[i] ?? '').length)));
  const pad = (cells: readonly string[]) =>
    widths.map((width, i) => (i === 0 ? (cells[i] ?? '').padEnd(width) : (cells[i] ?? '').padStart(width)));
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [`${caption}:`, '', line(pad(head)), line(rule), ...rows.map(row => line(pad(row)))].join('\n');
}

export function markdownSection({ title, about, verdicts, tables, plot }: Section): string {
  const all = verdicts.length > 0 ? [verdictTable(verdicts), ...tables] : tables;
  return [`## ${title}`, about, ...(plot ? [`![${title}](${plot})`] : []), ...all.map(markdownTable)].join(
    '\n\n',
  );
}

/** Prints a section, or hands it to `index.js`, which has started this bench. Ends the process: peers may hold on. */
export async function present(section: Section): Promise<void> {
  if (process.send) await new Promise<void>(resolve => process.send?.(section, () => resolve()));
  else console.log(markdownSection(section));
  process.exit();
}
