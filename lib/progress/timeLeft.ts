/** Marks that are kept: enough for a trend, and few enough to look at all of them each time. */
const MAX_MARKS = 64;

/** Completions per mark that are not worth waiting for, whatever is under way: beyond it, an eighth of the run. */
const MIN_ROUND_LIMIT = 16;

/** Milliseconds from the first completion that are waited for: workers start one after another. */
const MIN_EVIDENCE_MS = 100;

/** The parts of a run after which its past counts for a third: of a run at an even pace, and of one whose pace has changed. */
const LONG_MEMORY = 0.5;
const SHORT_MEMORY = 0.08;

/** Milliseconds for an input of which a model takes the logarithm. */
const MIN_COST = 1e-6;

/** A trend is not followed further than this factor away from the recent cost. */
const MAX_CHANGE = 4;

/** The ends of the pasts from which the trends must have foretold the present, as parts of all segments. */
const CUTS = [0.5, 0.625, 0.75, 0.875];

/** A run of inputs between two marks. */
interface Segment {
  readonly from: number;
  readonly to: number;
  /** Milliseconds per input. */
  readonly cost: number;
}

/** The cost of the input at a place, in milliseconds. */
type Trend = (place: number) => number;

/** Makes a trend of what was. */
type Model = (segments: readonly Segment[]) => Trend;

/**
 * Foretells when a run is over, from when its inputs have settled.
 *
 * It puts a mark each time that as many inputs have settled as are under way, since those of one round come in bursts;
 * so between two marks it has nothing to learn, and counts down. What was before the first mark is start-up and is left
 * out, as soon as there is anything else to go by. Of several models of the cost (even, even of late, a line, a factor, a
 * parabola) it follows the one that would have foretold the present best from the past, the plainest where that is no
 * clear case.
 *
 * Noting is a few additions; a look costs the same however long the run is.
 */
export class TimeLeft {
  /** The places and times of the marks. */
  readonly #places: number[] = [];
  readonly #times: number[] = [];
  /** Inputs between two marks, at least; doubles when there are too many marks. */
  #stride = 1;
  /** Most inputs that were seen under way since the last mark, and before it. */
  #underWay = 0;
  #underWayBefore = 0;
  /** Inputs that make up a round. */
  #round = 1;
  /** The time at which no input was under way for the last time, before the first had settled. */
  #begun = 0;
  #settled = 0;
  #firstAt = 0;
  #lastAt = 0;
  /** The last answer, and the number of inputs that had settled then. */
  #told: { readonly settled: number; readonly total: number; readonly remaining: number } | undefined;
  /** What is foretold as of the last mark. */
  #foretold: { readonly marks: number; readonly total: number; readonly duration: number } | undefined;
  #marksPut = 0;

  /** Notes that inputs have settled; `at` is in milliseconds since the run began, as all times here. */
  settle(count: number, at: number): void {
    if (count === 0) return;
    if (this.#settled === 0) this.#firstAt = at;
    this.#settled += count;
    this.#lastAt = at;
    const since = this.#settled - (this.#places.at(-1) ?? 0);
    if (since < this.#round || since < this.#stride) return;
    this.#places.push(this.#settled);
    this.#times.push(at);
    this.#marksPut += 1;
    this.#underWayBefore = this.#underWay;
    this.#underWay = 0;
    if (this.#places.length > MAX_MARKS) this.#thin();
  }

  /**
   * Returns the milliseconds that are left, `undefined` while that is anybody's guess.
   * @param total inputs in all, as far as known
   * @param underWay inputs that are with a worker now
   */
  remaining(total: number | undefined, underWay: number, at: number): number | undefined {
    this.#see(total, underWay, at);
    if (total === undefined) return undefined;
    const settled = this.#settled;
    if (settled >= total) return 0;
    const expected = this.#expected(total, at);
    if (expected === undefined) return undefined;
    const { end, cost } = expected;
    // What has not begun takes its time also where the rest is overdue.
    let remaining = Math.max(end - at, cost * Math.max(0, total - settled - underWay), 0);
    const told = this.#told;
    if (told?.settled === settled && told.total === total) remaining = Math.min(remaining, told.remaining);
    this.#told = { settled, total, remaining };
    return remaining;
  }

  #see(total: number | undefined, underWay: number, at: number): void {
    if (this.#settled === 0 && underWay === 0) this.#begun = at;
    this.#underWay = Math.max(this.#underWay, underWay);
    const limit = Math.max(MIN_ROUND_LIMIT, (total ?? this.#settled) / 8);
    this.#round = Math.min(Math.max(this.#underWay, this.#underWayBefore, 1), limit);
  }

  /** Returns the time of the end and the cost of one of the inputs that are left. */
  #expected(total: number, at: number): { readonly end: number; readonly cost: number } | undefined {
    const marks = this.#places.length;
    if (at - this.#firstAt < MIN_EVIDENCE_MS) return undefined;
    if (marks < 2) {
      // The first inputs took their own time and that of the start. A silence half as long says that it was mostly theirs.
      const wait = this.#firstAt - this.#begun;
      if (this.#settled === 0 || at - this.#firstAt < wait / 2) return undefined;
      const [place, time] =
        marks === 1 ? [this.#places[0] as number, this.#times[0] as number] : [this.#settled, this.#lastAt];
      const cost = (time - this.#begun) / place;
      return { end: time + cost * (total - place), cost };
    }
    if (this.#foretold?.marks !== this.#marksPut || this.#foretold.total !== total)
      this.#foretold = { marks: this.#marksPut, total, duration: foretell(this.#segments(), total) };
    const { duration } = this.#foretold;
    return {
      end: (this.#times[marks - 1] as number) + duration,
      cost: duration / (total - (this.#places[marks - 1] as number)),
    };
  }

  #segments(): Segment[] {
    const segments: Segment[] = [];
    for (let i = 1; i < this.#places.length; i++) {
      const [from, to] = [this.#places[i - 1] as number, this.#places[i] as number];
      const time = (this.#times[i] as number) - (this.#times[i - 1] as number);
      segments.push({ from, to, cost: time / (to - from) });
    }
    return segments;
  }

  /** Drops every other mark; the first and the last stay. */
  #thin(): void {
    let kept = 0;
    for (let i = 0; i < this.#places.length; i += 2, kept++) {
      this.#places[kept] = this.#places[i] as number;
      this.#times[kept] = this.#times[i] as number;
    }
    this.#places.length = kept;
    this.#times.length = kept;
    this.#stride *= 2;
  }
}

/** Returns the milliseconds from the end of the last segment to the total. */
function foretell(segments: readonly Segment[], total: number): number {
  const last = segments.at(-1) as Segment;
  const recent = constant(segments, SHORT_MEMORY)(last.to);
  const cost = mean(bestModel(segments)(segments), last.to, total);
  return Math.min(Math.max(cost, recent / MAX_CHANGE), recent * MAX_CHANGE) * (total - last.to);
}

/** Ways to go on from what was, each with the factor by which it must have been better than one that needs no trust. */
const models: readonly { readonly model: Model; readonly needs: number; readonly handicap: number }[] = [
  { model: segments => constant(segments, LONG_MEMORY), needs: 1, handicap: 1 },
  { model: segments => constant(segments, SHORT_MEMORY), needs: 4, handicap: 2 },
  { model: segments => polynomial(segments, 1), needs: 4, handicap: 1.5 },
  { model: segments => polynomial(segments, 2), needs: 5, handicap: 6 },
  { model: exponential, needs: 4, handicap: 8 },
];

/** Returns the model that would have foretold best what came, in clear cases; else the one that needs least trust. */
function bestModel(segments: readonly Segment[]): Model {
  const cuts = [...new Set(CUTS.map(cut => Math.round(cut * segments.length)))].filter(
    cut => cut > 0 && cut < segments.length,
  );
  let [best, fewest] = [(models[0] as (typeof models)[number]).model, Infinity];
  for (const { model, needs, handicap } of models) {
    const fair = cuts.filter(cut => cut >= needs);
    if (fair.length < Math.min(2, cuts.length)) continue;
    const missed = (misses(segments, fair, model) / fair.length) * handicap;
    if (missed < fewest) [best, fewest] = [model, missed];
  }
  return best;
}

/** Returns the sum of squared errors with which a model foretells the rest, from each of the cuts. */
function misses(segments: readonly Segment[], cuts: readonly number[], model: Model): number {
  let sum = 0;
  for (const cut of cuts) {
    const rest = segments.slice(cut);
    const [{ from }, { to }] = [rest[0] as Segment, rest.at(-1) as Segment];
    const real = rest.reduce((time, segment) => time + segment.cost * (segment.to - segment.from), 0);
    const foretold = mean(model(segments.slice(0, cut)), from, to) * (to - from);
    sum += ((foretold - real) / (real || 1)) ** 2;
  }
  return sum;
}

/** Returns the mean of a trend over a range, by Simpson's rule. */
const mean = (cost: Trend, from: number, to: number): number =>
  (cost(from) + 4 * cost((from + to) / 2) + cost(to)) / 6;

/** Returns the mean cost, with weights that fade over so large a part of the run. */
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

/** Fits a cost that grows or falls by the same factor everywhere. */
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
  // Polynomials that are orthogonal on these points: each adds its part without a change of the others.
  const basis: ((x: number) => number)[] = [];
  const factors: number[] = [];
  for (let i = 0; i <= degree; i++) {
    const lower = [...basis];
    const shares = lower.map(p => sum(x => x ** i * p(x)) / sum(x => p(x) ** 2));
    const p = (x: number) => lower.reduce((value, q, j) => value - (shares[j] as number) * q(x), x ** i);
    const norm = sum(x => p(x) ** 2);
    basis.push(p);
    factors.push(norm > 0 ? sum((x, cost) => cost * p(x)) / norm : 0);
  }
  return place => basis.reduce((value, p, i) => value + (factors[i] as number) * p(place / end), 0);
}
