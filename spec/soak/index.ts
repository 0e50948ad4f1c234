import { soak } from './soak.js';

// The long form: `npm run soak`.
const results = await soak({ inputs: 10_000_000, rounds: 10_000, crashes: 1_000 });
for (const { name, before, after, figures } of results) {
  console.log(`${name}: ${figures}`);
  console.log(`  heap     ${(before.heap / 1e6).toFixed(1)} -> ${(after.heap / 1e6).toFixed(1)} MB`);
  console.log(`  handles  ${JSON.stringify(before.handles)} -> ${JSON.stringify(after.handles)}`);
  console.log(
    `  others   listeners ${before.listeners} -> ${after.listeners}, threads ${before.threads} -> ${after.threads}, children ${before.children} -> ${after.children}`,
  );
}
