import type { TopLevelSpec } from 'vega-lite';

/** How much of the cores' time was useful at one size of a task. */
export interface EfficiencyPoint {
  readonly candidate: string;
  /** Microseconds. */
  readonly size: number;
  readonly efficiency: number;
}

/** Draws efficiency against the size of a task as an SVG. Vega is loaded on the first call. */
export async function plotEfficiency(points: readonly EfficiencyPoint[]): Promise<string> {
  const [{ parse, View }, { compile }] = await Promise.all([import('vega'), import('vega-lite')]);
  const view = new View(parse(compile(chart(points)).spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function chart(points: readonly EfficiencyPoint[]): TopLevelSpec {
  const candidates = [...new Set(points.map(({ candidate }) => candidate))];
  const colors = [
    '#d9622b',
    '#999',
    '#0b62a4',
    '#4f9bd9',
    '#9ccbe8',
    '#3a7d44',
    '#8fc093',
    '#7b4fa3',
    '#b08fd0',
    '#d7c4ea',
  ];
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: 'white',
    padding: 16,
    width: 640,
    height: 360,
    title: {
      text: 'How small a task may be',
      subtitle: 'Serial time / (2 × wall time) on two workers, no chunk size chosen by hand',
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
      legend: { labelFontSize: 13, symbolStrokeWidth: 3, labelLimit: 0 },
      view: { stroke: null },
    },
    layer: [
      {
        data: { values: [{}] },
        mark: { type: 'rule', color: '#888', strokeDash: [4, 4] },
        encoding: { y: { datum: 0.5 } },
      },
      {
        data: { values: [...points] },
        encoding: {
          x: {
            field: 'size',
            type: 'quantitative',
            scale: { type: 'log', nice: false },
            axis: {
              title: 'work in one task (µs, log scale)',
              values: [0.1, 1, 10, 100, 1000, 10_000],
              format: '~r',
            },
          },
          y: {
            field: 'efficiency',
            type: 'quantitative',
            scale: { domain: [0, 1], clamp: true },
            axis: { title: "useful part of the cores' time", format: '.0%', tickCount: 5 },
          },
          color: {
            field: 'candidate',
            type: 'nominal',
            sort: candidates,
            scale: { domain: candidates, range: colors.slice(0, candidates.length) },
            legend: { title: null },
          },
        },
        layer: [
          { mark: { type: 'line', point: { size: 40 }, strokeWidth: 1.75 } },
          {
            transform: [{ filter: "datum.candidate === 'rx-parfor'" }],
            mark: { type: 'line', strokeWidth: 4 },
          },
        ],
      },
    ],
  };
}
