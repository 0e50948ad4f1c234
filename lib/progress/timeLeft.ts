import { forecast, type Segment } from './forecast.js';

/** The most marks that are kept: enough to see a trend, and few enough to go through all of them each time. */
const MAX_MARKS = 64;

/** A mark waits for no more completions than this or an eighth of the run, however many inputs are under way. */
const MIN_ROUND_LIMIT = 16;

/** Milliseconds after the first completion before anything is predicted, since workers start one after another. */
const MIN_EVIDENCE_MS = 100;

/**
 * Predicts when a run will end, from the times at which its inputs have settled.
 *
 * The inputs that are under way together form a round and tend to settle in bursts. So a mark is put each time that a
 * round of inputs has settled; between two marks nothing is learnt, and the time counts down. What was before the first
 * mark is the start-up, which is left out as soon as there is a second mark.
 *
 * Taking note of completions costs a few additions, and a prediction the same for any length of run.
 */
export class TimeLeft {
  /** For each mark, the number of inputs that had settled, and the time. */
  readonly #places: number[] = [];
  readonly #times: number[] = [];
  /** The fewest inputs between two marks: doubled when there are too many marks. */
  #stride = 1;
  /** The most inputs that were seen under way since the last mark, and before it. */
  #underWay = 0;
  #underWayBefore = 0;
  /** The inputs of a round. */
  #round = 1;
  /** The last time at which nothing had settled and nothing was under way. */
  #begun = 0;
  #settled = 0;
  #firstAt = 0;
  #lastAt = 0;
  /** The last answer, and what it was given for. */
  #answer: { readonly settled: number; readonly total: number; readonly remaining: number } | undefined;
  /** The prediction as of the last mark. */
  #predicted: { readonly marks: number; readonly total: number; readonly duration: number } | undefined;
  #marksPut = 0;

  /** Takes note that inputs have settled. All times are in milliseconds since the run began. */
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
   * Returns the milliseconds that are left; `undefined` while too little has settled to tell.
   * @param total inputs in all, where known
   * @param underWay inputs that are with a worker now
   */
  remaining(total: number | undefined, underWay: number, at: number): number | undefined {
    this.#observe(total, underWay, at);
    if (total === undefined) return undefined;
    const settled = this.#settled;
    if (settled >= total) return 0;
    const expected = this.#expected(total, at);
    if (expected === undefined) return undefined;
    const { end, cost } = expected;
    // Even where those under way are overdue, the others still take their time.
    let remaining = Math.max(end - at, cost * Math.max(0, total - settled - underWay), 0);
    const answer = this.#answer;
    if (answer?.settled === settled && answer.total === total)
      remaining = Math.min(remaining, answer.remaining);
    this.#answer = { settled, total, remaining };
    return remaining;
  }

  #observe(total: number | undefined, underWay: number, at: number): void {
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
      // The wait for the first inputs was their own cost and the start-up's. If half of it passes again, it was mostly theirs.
      const wait = this.#firstAt - this.#begun;
      if (this.#settled === 0 || at - this.#firstAt < wait / 2) return undefined;
      const [place, time] =
        marks === 1 ? [this.#places[0] as number, this.#times[0] as number] : [this.#settled, this.#lastAt];
      const cost = (time - this.#begun) / place;
      return { end: time + cost * (total - place), cost };
    }
    if (this.#predicted?.marks !== this.#marksPut || this.#predicted.total !== total)
      this.#predicted = { marks: this.#marksPut, total, duration: forecast(this.#segments(), total) };
    const { duration } = this.#predicted;
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
