// Bundles what TypeScript has compiled into `dist/bundle/`: the package's entry points, which share chunks, and the
// module that workers run, which stands alone. What is imported from other packages stays an import.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { intrinsics } from './intrinsics.mjs';

/** The entry points, by the paths of their bundles. */
const entryPoints = {
  'rx-parfor/index': 'dist/index.js',
  'rx-parfor/task': 'dist/lib/task/entry.js',
  'rx-parfor/bullmq': 'dist/lib/executors/cluster/index.js',
  'rx-parfor/testing': 'dist/lib/testing/index.js',
  'rx-parfor/absent-tinypool': 'dist/lib/executors/pool/absentTinypool.js',
  'rx-parfor/worker-program': 'dist/lib/executors/cluster/worker/workerProgram.js',
  // Nobody imports it by this name. It has what runs need without workers put into chunks that do not import Tinypool.
  'rx-parfor/serial-map': 'dist/operators/serialMap.js',
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
  // Bundlers that take this package into a program are to find another one: see `imports` of package.json.
  alias: { tinypool: '#tinypool' },
  external: ['#tinypool'],
  sourcemap: true,
  outdir: 'dist/bundle',
  logLevel: 'warning',
};

const { outputFiles } = await build({
  ...options,
  entryPoints,
  splitting: true,
  chunkNames: 'rx-parfor/[name]-[hash]',
  write: false,
});

/**
 * Imports of a chunk for its side effects, of which it has none: `sideEffects` in package.json says so, and bundlers warn
 * of the contradiction. The lines stay, as source maps count them.
 */
const bareImports = /^import "\.\/chunk-\w+\.js";$/gm;

mkdirSync(join(options.absWorkingDir, options.outdir, 'rx-parfor'), { recursive: true });
for (const { path, text } of outputFiles)
  writeFileSync(path, path.endsWith('.js') ? text.replace(bareImports, '') : text);
// Tasks may replace globals in their worker: its own code keeps to those that it was loaded with.
await build({ ...options, entryPoints: worker, plugins: [intrinsics] });
