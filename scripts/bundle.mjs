// Bundles what TypeScript has compiled into `dist/bundle/`: the package's entry points, which share chunks, and the
// module that workers run, which stands alone. What is imported from other packages stays an import.
import { dirname } from 'node:path';
import { build } from 'esbuild';
import { intrinsics } from './intrinsics.mjs';

/** The entry points, by the paths of their bundles. */
const entryPoints = {
  'rx-parfor/index': 'dist/index.js',
  'rx-parfor/task': 'dist/lib/task/entry.js',
  'rx-parfor/bullmq': 'dist/lib/executors/cluster/index.js',
  'rx-parfor/testing': 'dist/lib/testing/index.js',
  'rx-parfor/worker-program': 'dist/lib/executors/cluster/worker/workerProgram.js',
};

/** The executors look for it at `../worker/entry.js`, seen from their own bundle. */
const worker = { 'worker/entry': 'dist/lib/worker/entry.js' };

const options = {
  absWorkingDir: dirname(import.meta.dirname),
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  packages: 'external',
  sourcemap: true,
  outdir: 'dist/bundle',
  logLevel: 'warning',
};

await build({ ...options, entryPoints, splitting: true, chunkNames: 'rx-parfor/[name]-[hash]' });
// Tasks may replace globals in their worker: its own code keeps to those that it was loaded with.
await build({ ...options, entryPoints: worker, plugins: [intrinsics] });
