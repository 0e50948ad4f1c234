// `npm run spec:file -- "columns"` runs the specs whose path matches without a full build: it strips the types, checks
// none and bundles nothing, so that a second suffices. `npm run spec:watch -- "columns"` runs them again at each change.
// Specs of the package as it is published (package, smoke, readme, docs) still see what `npm run build` left.
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { context } from 'esbuild';

const root = dirname(import.meta.dirname);
const args = process.argv.slice(2);
const pattern = args.find(arg => !arg.startsWith('--')) ?? '';
const folders = ['lib', 'operators', 'spec', 'examples'];
let specs;

/** Removes what was compiled from files that are gone, or uvu would run their specs for ever. */
function removeStale() {
  for (const folder of folders.filter(folder => existsSync(join(root, 'dist', folder))))
    for (const path of readdirSync(join(root, 'dist', folder), { recursive: true, encoding: 'utf8' }))
      if (path.endsWith('.js') && !existsSync(join(root, folder, path.replace(/\.js$/, '.ts'))))
        rmSync(join(root, 'dist', folder, path));
}

function runSpecs() {
  specs?.kill();
  const uvu = join(root, 'node_modules/uvu/bin.js');
  specs = spawn(process.execPath, [uvu, 'dist/spec', `(${pattern}).*\\.spec\\.js$`], {
    cwd: root,
    stdio: 'inherit',
  });
  specs.on('exit', code => {
    process.exitCode = code ?? 1;
  });
}

const runAfterBuild = {
  name: 'run after build',
  setup: ({ onEnd }) =>
    onEnd(({ errors }) => {
      process.exitCode = 1;
      if (errors.length > 0) return;
      removeStale();
      runSpecs();
    }),
};

const build = await context({
  absWorkingDir: root,
  entryPoints: ['index.ts', ...folders.map(folder => `${folder}/**/*.ts`)],
  outdir: 'dist',
  outbase: '.',
  format: 'esm',
  target: 'node20',
  sourcemap: true,
  logLevel: 'warning',
  plugins: [runAfterBuild],
});
if (args.includes('--watch')) await build.watch();
else {
  await build.rebuild().catch(() => {});
  await build.dispose();
}
