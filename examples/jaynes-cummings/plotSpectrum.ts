import type { TopLevelSpec } from 'vega-lite';
import { peaks } from './peaks.js';

/** The columns that a sweep of `steadyState` gives. */
export type Spectrum = Readonly<
  Record<'drive_frequency' | 'photon_number' | 'excited_population', ArrayLike<number>>
>;

/** Draws the spectrum as an SVG, its two vacuum-Rabi peaks marked. Vega is loaded on the first call. */
export const plotSpectrum = async (spectrum: Spectrum): Promise<string> => {
  const [{ parse, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new View(parse(compile(chart(spectrum)).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
};

const chart = ({ drive_frequency, photon_number, excited_population }: Spectrum): TopLevelSpec => {
  const curves = { 'photon number': photon_number, 'excited population': excited_population };
  const points = Object.entries(curves).flatMap(([curve, ys]) =>
    Array.from(ys, (y, i) => ({ curve, frequency: drive_frequency[i], y })),
  );
  const marks = peaks(drive_frequency, photon_number, 2).map(({ x, y }) => ({
    frequency: x,
    y,
    label: `vacuum-Rabi peak at ${x.toFixed(4)}`,
  }));
  const values = points.map(point => point.y);
  const [bottom, top] = [Math.min(...values) / 1.5, Math.max(...values) * 2];
  const frequency = { field: 'frequency', type: 'quantitative' } as const;
  const y = { field: 'y', type: 'quantitative' } as const;

  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    width: 720,
    height: 400,
    title: {
      text: 'Vacuum-Rabi splitting of a cavity with one atom',
      subtitle: 'Steady state of the driven, damped Jaynes-Cummings model',
    },
    config: {
      font: 'Helvetica, Arial, sans-serif',
      title: { fontSize: 18, subtitleFontSize: 14, subtitleColor: '#555', anchor: 'start', offset: 20 },
      axis: {
        labelFontSize: 13,
        titleFontSize: 14,
        titleFontWeight: 'normal',
        titlePadding: 12,
        gridColor: '#eee',
      },
      legend: { labelFontSize: 14, orient: 'bottom', symbolStrokeWidth: 3, labelLimit: 0 },
      view: { stroke: null },
    },
    layer: [
      {
        data: { values: marks },
        mark: { type: 'rule', color: '#888', strokeDash: [4, 4] },
        encoding: { x: frequency, y, y2: { datum: bottom } },
      },
      {
        data: { values: points },
        mark: { type: 'line', strokeWidth: 2.5 },
        encoding: {
          x: {
            ...frequency,
            scale: { zero: false, nice: false },
            axis: {
              title: 'drive frequency / 2π (in units of the cavity frequency)',
              format: '.2f',
              labelFlush: false,
            },
          },
          y: {
            ...y,
            scale: { type: 'log', domain: [bottom, top], nice: false },
            axis: { title: 'mean number of quanta (log scale)', tickCount: 4 },
          },
          color: {
            field: 'curve',
            type: 'nominal',
            sort: Object.keys(curves),
            scale: { range: ['#0b62a4', '#d9622b'] },
            legend: { title: null },
          },
        },
      },
      {
        data: { values: marks },
        mark: { type: 'point', filled: true, size: 70, color: '#222', opacity: 1 },
        encoding: { x: frequency, y },
      },
      {
        data: { values: marks },
        mark: { type: 'text', fontSize: 14, dy: -16, color: '#222' },
        encoding: { x: frequency, y, text: { field: 'label' } },
      },
    ],
  };
};
