import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { forecast, type Segment } from '../../../lib/progress/forecast.js';

/** Segments of ten inputs, each at the cost of its middle. */
const segments = (count: number, cost: (place: number) => number): Segment[] =>
  Array.from({ length: count }, (_, i) => ({ from: i * 10, to: i * 10 + 10, cost: cost(i * 10 + 5) }));

/** How far the forecast for twice as many inputs is off, as a fraction of what they take. */
function error(count: number, cost: (place: number) => number): number {
  const from = count * 10;
  let actual = 0;
  for (let place = from; place < 2 * from; place++) actual += cost(place + 0.5);
  return Math.abs(forecast(segments(count, cost), 2 * from) - actual) / actual;
}

test('an even cost goes on, after one segment already', () => {
  for (const count of [1, 2, 3, 50]) assert.ok(error(count, () => 7) < 1e-9, `${count}`);
});

test('a cost that grows or falls steadily goes on to grow or fall', () => {
  assert.ok(error(20, place => 10 + place) < 0.01);
  assert.ok(error(20, place => 1000 - place) < 0.01);
  assert.ok(error(20, place => (10 + place) ** 2) < 0.1);
  assert.ok(error(20, place => 1.002 ** place) < 0.1);
});

test('noise is not followed', () => {
  const noisy = (place: number) => 100 + ((place * 7919) % 40) - 20;
  assert.ok(error(20, noisy) < 0.1);
});

test('no forecast is further than a factor of four from the recent cost, and none is negative', () => {
  const last = (cost: (place: number) => number) => forecast(segments(20, cost), 220) / 20;
  assert.ok(last(place => Math.max(1, 1000 - 5 * place)) >= 1 / 4);
  assert.ok(last(place => 1.2 ** place) < 5 * 1.2 ** 195);
  assert.is(
    last(() => 0),
    0,
  );
});

test.run();
