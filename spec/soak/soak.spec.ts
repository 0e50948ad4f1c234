import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { soak } from './soak.js';

// The short form; `npm run soak` is the long one.
test('long sweeps, many rounds and many crashes leave nothing behind', async () => {
  for (const { name, before, after } of await soak({ inputs: 300_000, rounds: 300, crashes: 10 })) {
    const grown = (after.heap - before.heap) / 1e6;
    assert.ok(grown < 2, `${name}: the heap has grown by ${grown.toFixed(1)} MB`);
    assert.ok(
      after.listeners <= before.listeners,
      `${name}: listeners ${before.listeners} -> ${after.listeners}`,
    );
    assert.ok(after.threads <= before.threads, `${name}: threads ${before.threads} -> ${after.threads}`);
    assert.ok(after.children <= before.children, `${name}: children ${before.children} -> ${after.children}`);
    for (const [kind, count] of Object.entries(after.handles))
      assert.ok(
        count <= (before.handles[kind] ?? 0),
        `${name}: ${kind} ${before.handles[kind] ?? 0} -> ${count}`,
      );
  }
});

test.run();
