import { task } from 'rx-parfor/task';

const curves = {
  cubic: [(x: number) => x ** 3 - 2 * x - 5, (x: number) => 3 * x ** 2 - 2],
  parabola: [(x: number) => x ** 2 + 1, (x: number) => 2 * x],
  arctangent: [Math.atan, (x: number) => 1 / (1 + x ** 2)],
  line: [() => 1, () => 0],
} as const;

export type Curve = keyof typeof curves;

/** The task: where a curve is zero, by Newton's method from a random start. It may diverge, and it may never end. */
export const newton = task(import.meta, 'newton', (name: Curve) => {
  const [value, slope] = curves[name];
  let x = 4 * Math.random() - 2;
  while (Math.abs(value(x)) > 1e-12) {
    x -= value(x) / slope(x);
    if (!Number.isFinite(x)) throw new RangeError('the method diverges');
  }
  return x;
});
