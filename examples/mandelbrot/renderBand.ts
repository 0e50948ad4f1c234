import { task, transfer } from 'rx-parfor/task';

/** A picture of the complex plane around `-0.5`, `width` pixels for 3 units. */
export type View = Readonly<{ width: number; height: number; steps: number }>;

/** The task: the grey values of some rows of pixels; points that never escape are black. */
export const renderBand = task(
  import.meta,
  'renderBand',
  ([from, to]: readonly [number, number], { width, height, steps }: View) => {
    const pixels = new Uint8Array(width * (to - from));
    const scale = 3 / width;
    for (let i = 0; i < pixels.length; i++) {
      const x = ((i % width) + 0.5 - width / 2) * scale - 0.5;
      const y = (from + Math.floor(i / width) + 0.5 - height / 2) * scale;
      const escaped = stepsToEscape(x, y, steps);
      pixels[i] = escaped === steps ? 0 : 255 - Math.round(200 * Math.sqrt(escaped / steps));
    }
    // Moved to the caller, not copied.
    return transfer(pixels);
  },
);

const stepsToEscape = (x: number, y: number, steps: number) => {
  let [re, im] = [0, 0];
  for (let n = 0; n < steps; n++) {
    [re, im] = [re * re - im * im + x, 2 * re * im + y];
    if (re * re + im * im > 4) return n;
  }
  return steps;
};
