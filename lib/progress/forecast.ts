/** Memories of the constant model: fractions of the run so far, after which the past counts for a third. */
const LONG_MEMORY = 0.5;
const SHORT_MEMORY = 0.08;

/** The least cost that the exponential model takes the logarithm of, in milliseconds. */
const MIN_COST = 1e-6;

/** The factor up to which a prediction may differ from the recent cost. */
const MAX_CHANGE = 4;

/** Where the segments are cut to try a model: it predicts what follows from what was before. Fractions of all segments. */
const CUTS = [0.5, 0.625, 0.75, 0.875];

/** Consecutive inputs, and what they cost. */
export interface Segment {
  /** The number of inputs that had settled before, and after. */
  readonly from: number;
  readonly to: number;
  /** Milliseconds per input. */
  readonly cost: number;
}

/** The cost of the input at a place, in milliseconds. */
type Trend = (place: number) => number;

/** Fits a trend to the past. */
type Model = (segments: readonly Segment[]) => Trend;

/**
 * Predicts how many milliseconds the inputs after the last segment will take.
 *
 * It follows the one of several models of the cost that would have predicted the recent past best. The more a model goes
 * astray where it is wrong, the more clearly it must have been better than the others.
 * @param segments one or more, each beginning where the one before it ends
 * @param total inputs in all
 */
export function forecast(segments: readonly Segment[], total: number): number {
  const last = segments.at(-1) as Segment;
  const recent = constant(segments, SHORT_MEMORY)(last.to);
  const cost = mean(bestModel(segments)(segments), last.to, total);
  return Math.min(Math.max(cost, recent / MAX_CHANGE), recent * MAX_CHANGE) * (total - last.to);
}

/** Each model with the segments that it needs, and the factor by which its errors count for more. */
const models: readonly { readonly model: Model; readonly needs: number; readonly handicap: number }[] = [
  { model: segments => constant(segments, LONG_MEMORY), needs: 1, handicap: 1 },
  { model: segments => constant(segments, SHORT_MEMORY), needs: 4, handicap: 2 },
  { model: segments => polynomial(segments, 1), needs: 4, handicap: 1.5 },
  { model: segments => polynomial(segments, 2), needs: 5, handicap: 6 },
  { model: exponential, needs: 4, handicap: 8 },
];

/** Returns the model that would have predicted the later segments best from the earlier ones, handicaps included. */
function bestModel(segments: readonly Segment[]): Model {
  const cuts = [...new Set(CUTS.map(cut => Math.round(cut * segments.length)))].filter(
    cut => cut > 0 && cut < segments.length,
  );
  let [best, least] = [(models[0] as (typeof models)[number]).model, Infinity];
  for (const { model, needs, handicap } of models) {
    const fair = cuts.filter(cut => cut >= needs);
    if (fair.length < Math.min(2, cuts.length)) continue;
    const errors = (squaredErrors(segments, fair, model) / fair.length) * handicap;
    if (errors < least) [best, least] = [model, errors];
  }
  return best;
}

/** Returns the sum of the squared relative errors with which a model predicts what follows each of the cuts. */
function squaredErrors(segments: readonly Segment[], cuts: readonly number[], model: Model): number {
  let sum = 0;
  for (const cut of cuts) {
    const rest = segments.slice(cut);
    const [{ from }, { to }] = [rest[0] as Segment, rest.at(-1) as Segment];
    const actual = rest.reduce((time, segment) => time + segment.cost * (segment.to - segment.from), 0);
    const predicted = mean(model(segments.slice(0, cut)), from, to) * (to - from);
    sum += ((predicted - actual) / (actual || 1)) ** 2;
  }
  return sum;
}

/** Returns the mean of a trend over a range, by Simpson's rule. */
const mean = (cost: Trend, from: number, to: number): number =>
  (cost(from) + 4 * cost((from + to) / 2) + cost(to)) / 6;

/** Fits a cost that stays the same: the mean, in which the past fades over `memory`, a fraction of the run so far. */
function constant(segments: readonly Segment[], memory: number): Trend {
  const end = (segments.at(-1) as Segment).to;
  let [weights, sum] = [0, 0];
  for (const { from, to, cost } of segments) {
    const weight = (to - from) * Math.exp((to - end) / (end * memory));
    weights += weight;
    sum += weight * cost;
  }
  return () => sum / weights;
}

/** Fits a cost that grows or falls exponentially. */
function exponential(segments: readonly Segment[]): Trend {
  const logarithms = segments.map(segment => ({
    ...segment,
    cost: Math.log(Math.max(segment.cost, MIN_COST)),
  }));
  const line = polynomial(logarithms, 1);
  return place => Math.exp(line(place));
}

/** Fits a line or a parabola, by least squares. */
function polynomial(segments: readonly Segment[], degree: 1 | 2): Trend {
  const end = (segments.at(-1) as Segment).to;
  const points = segments.map(({ from, to, cost }) => ({
    x: (from + to) / 2 / end,
    cost,
    weight: to - from,
  }));
  const sum = (f: (x: number, cost: number) => number) =>
    points.reduce((total, { x, cost, weight }) => total + weight * f(x, cost), 0);
  // With polynomials that are orthogonal on these points, each coefficient can be found by itself.
  const basis: ((x: number) => number)[] = [];
  const coefficients: number[] = [];
  for (let i = 0; i <= degree; i++) {
    const lower = [...basis];
    const projections = lower.map(p => sum(x => x ** i * p(x)) / sum(x => p(x) ** 2));
    const p = (x: number) => lower.reduce((value, q, j) => value - (projections[j] as number) * q(x), x ** i);
    const norm = sum(x => p(x) ** 2);
    basis.push(p);
    coefficients.push(norm > 0 ? sum((x, cost) => cost * p(x)) / norm : 0);
  }
  return place => basis.reduce((value, p, i) => value + (coefficients[i] as number) * p(place / end), 0);
}
