import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chaos } from './chaos.js';

// The short form; `npm run chaos` is the long one.
test('workers that are killed at random change no row', async () => {
  for (const [name, { rows, kills }] of Object.entries(await chaos(1_500))) {
    assert.ok(rows > 0, `${name}: no rows`);
    assert.ok(kills >= 3, `${name}: only ${kills} workers were killed`);
  }
});

test.run();
