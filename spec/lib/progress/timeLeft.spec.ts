import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { TimeLeft } from '../../../lib/progress/timeLeft.js';

/** A run in virtual time: tasks on workers, and what is told every 100 ms and as they settle. */
interface RunOptions {
  readonly inputs: number;
  readonly workers: number;
  /** Milliseconds of a task, by its place in the run, from 0 to 1. */
  readonly cost: (place: number) => number;
  /** Milliseconds before the first task. */
  readonly startUp?: number;
}

interface Note {
  readonly at: number;
  readonly settled: number;
  readonly remaining: number | undefined;
  /** What was left in truth. */
  readonly left: number;
}

function run({ inputs, workers, cost, startUp = 300 }: RunOptions): Note[] {
  // Workers do not start at once.
  const free = Array.from({ length: workers }, (_, i) => startUp + i * 20);
  const tasks = Array.from({ length: inputs }, (_, i) => {
    const worker = free.indexOf(Math.min(...free));
    const start = free[worker]!;
    free[worker]! += cost(i / inputs);
    return { start, end: free[worker]! };
  });
  const ends = tasks.map(({ end }) => end).sort((a, b) => a - b);
  const over = ends.at(-1)!;
  const timeLeft = new TimeLeft();
  const notes: Note[] = [];
  const tell = (at: number, settled: number) => {
    const underWay = tasks.filter(({ start, end }) => start <= at && end > at).length;
    notes.push({ at, settled, remaining: timeLeft.remaining(inputs, underWay, at), left: over - at });
  };
  tell(0, 0);
  for (let settled = 0, at = 0; settled < inputs; ) {
    at = Math.min(ends[settled]!, notes.at(-1)!.at + 100);
    const before = settled;
    for (; settled < inputs && ends[settled]! <= at; settled++) timeLeft.settle(1, at);
    if (settled === before || settled === inputs || at - notes.at(-1)!.at >= 40) tell(at, settled);
  }
  return notes;
}

/** The largest error of the second half, as a part of what was left; the last five per cent are no matter. */
function worst(options: RunOptions): number {
  const { inputs } = options;
  const notes = run(options).filter(({ settled }) => settled >= inputs / 2 && settled < inputs * 0.95);
  assert.ok(notes.length > 5, `${notes.length} notes`);
  return Math.max(...notes.map(({ remaining = Infinity, left }) => Math.abs(remaining - left) / left));
}

test('the time left is within 10 % in the second half of a sweep whose cost is even, grows or falls steadily', () => {
  const sweeps = [
    [100, 2],
    [400, 4],
    [2000, 8],
    [40, 1],
  ] as const;
  const costs = {
    even: () => 60,
    grows: (place: number) => 10 + 90 * place,
    'grows from nothing': (place: number) => 2 + 100 * place,
    falls: (place: number) => 105 - 90 * place,
  };
  for (const [inputs, workers] of sweeps)
    for (const [name, cost] of Object.entries(costs)) {
      const error = worst({ inputs, workers, cost });
      assert.ok(error < 0.1, `${name}, ${inputs} inputs on ${workers}: ${error}`);
    }
});

test('a cost that grows or falls by the same factor is followed too', () => {
  for (const factor of [3, 1 / 3, 1 / 10]) {
    const error = worst({ inputs: 400, workers: 2, cost: place => 60 * factor ** place });
    assert.ok(error < 0.15, `${factor}: ${error}`);
  }
});

test('the start-up is left out, however long it was', () => {
  const notes = run({ inputs: 400, workers: 2, cost: () => 10, startUp: 5000 });
  const told = notes.filter(({ remaining }) => remaining !== undefined);
  assert.ok(told.length > 10);
  for (const { remaining, left, at } of told) {
    const error = Math.abs(remaining! - left);
    assert.ok(error < 100, `at ${at}: ${remaining} for ${left}`);
  }
});

test('the time left never grows between completions, is never negative, and comes early where tasks are long', () => {
  for (const options of [
    { inputs: 10, workers: 2, cost: () => 600, startUp: 60 },
    { inputs: 9, workers: 2, cost: () => 600 },
    { inputs: 20, workers: 8, cost: (place: number) => (place > 0.8 ? 5000 : 900) },
    { inputs: 64, workers: 64, cost: (place: number) => 1000 + 5000 * place },
  ]) {
    const notes = run(options);
    const told = notes.filter(({ remaining }) => remaining !== undefined);
    assert.ok(told[0]!.at < notes.at(-1)!.at / 2, `first told at ${told[0]!.at}`);
    told.forEach(({ remaining, settled }, i) => {
      const before = told[i - 1];
      assert.ok(remaining! >= 0);
      if (before?.settled === settled) assert.ok(remaining! <= before.remaining!);
    });
    assert.is(notes.at(-1)!.remaining, 0);
  }
});

test('a pace that has changed once is believed after a while', () => {
  for (const [before, after] of [
    [10, 100],
    [100, 10],
  ] as const) {
    const notes = run({ inputs: 400, workers: 2, cost: place => (place < 0.4 ? before : after) });
    const late = notes.filter(({ settled }) => settled > 280 && settled < 380);
    const errors = late
      .map(({ remaining, left }) => Math.abs(remaining! - left) / left)
      .sort((a, b) => a - b);
    const middle = errors[errors.length >> 1]!;
    assert.ok(middle < 0.5, `${before} → ${after}: ${middle}`);
  }
});

test('nothing is predicted without a total, before anything has settled, or right after the first has', () => {
  const timeLeft = new TimeLeft();
  assert.is(timeLeft.remaining(10, 0, 0), undefined);
  assert.is(timeLeft.remaining(10, 2, 100), undefined);
  timeLeft.settle(1, 600);
  assert.is(timeLeft.remaining(undefined, 2, 650), undefined);
  assert.is(timeLeft.remaining(10, 2, 650), undefined);
  assert.is.not(timeLeft.remaining(10, 2, 950), undefined);
  assert.is(new TimeLeft().remaining(0, 0, 0), 0);
});

test('a look costs the same after a million completions', () => {
  const timeLeft = new TimeLeft();
  for (let i = 1; i <= 1_000_000; i++) timeLeft.settle(1, i * 0.01);
  const left = timeLeft.remaining(2_000_000, 1, 10_000)!;
  assert.ok(Math.abs(left - 10_000) < 200, `${left}`);
});

test('no time at all between completions is no harm', () => {
  const timeLeft = new TimeLeft();
  timeLeft.remaining(100, 1, 0);
  for (let i = 0; i < 50; i++) timeLeft.settle(1, 5);
  assert.is(timeLeft.remaining(100, 1, 200), 0);
});

test.run();
