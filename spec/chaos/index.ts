import { chaos } from './chaos.js';

// The long form: `npm run chaos`, a minute of it.
for (const [name, { rows, kills }] of Object.entries(await chaos(30_000)))
  console.log(`${name}: ${kills} workers killed, ${rows} rows, each equal to the serial one`);
