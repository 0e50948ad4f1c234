export interface Peak {
  readonly x: number;
  readonly y: number;
}

/**
 * The local maxima of sampled data, or only the `count` tallest of them, in the order of x. The top of the
 * parabola through three samples places each of them between the samples.
 */
export const peaks = (x: ArrayLike<number>, y: ArrayLike<number>, count = Infinity): Peak[] => {
  const found: Peak[] = [];
  for (let i = 1; i < y.length - 1; i++) {
    // A top between two samples may make them equal; a wider flat top has no parabola and is no peak.
    const rises = y[i]! > y[i - 1]!;
    const falls = y[i]! > y[i + 1]! || (y[i] === y[i + 1] && y[i + 1]! > y[i + 2]!);
    if (rises && falls) found.push(vertex(x, y, i));
  }
  return found
    .sort((a, b) => b.y - a.y)
    .slice(0, count)
    .sort((a, b) => a.x - b.x);
};

/** The top of the parabola through the samples around `i`; the samples may be unevenly spaced. */
const vertex = (x: ArrayLike<number>, y: ArrayLike<number>, i: number): Peak => {
  const left = x[i - 1]! - x[i]!;
  const right = x[i + 1]! - x[i]!;
  const leftSlope = (y[i - 1]! - y[i]!) / left;
  const rightSlope = (y[i + 1]! - y[i]!) / right;
  const curvature = (rightSlope - leftSlope) / (right - left);
  const slope = leftSlope - curvature * left; // at x[i]
  return { x: x[i]! - slope / (2 * curvature), y: y[i]! - slope ** 2 / (4 * curvature) };
};
