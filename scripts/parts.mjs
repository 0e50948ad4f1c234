// `node scripts/parts.mjs lint build …` runs these scripts of package.json in turn, says how long each took, and ends
// at the first that fails.
import { spawnSync } from 'node:child_process';

for (const part of process.argv.slice(2)) {
  const start = performance.now();
  const { status } = spawnSync('npm', ['run', part], {
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  const seconds = (performance.now() - start) / 1000;
  // .ci/run collects these lines.
  console.log(`took ${seconds.toFixed(1).padStart(6)} s: npm run ${part}`);
  if (status !== 0) process.exit(status ?? 1);
}
