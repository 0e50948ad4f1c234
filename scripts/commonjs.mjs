// Makes CommonJS of the bundled entry points and of their types, for programs that cannot load ES modules: of jest, above all.
// Node takes the ES modules for `require` too, so that no program there holds two copies; see `exports` of package.json.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';

const root = dirname(import.meta.dirname);

/** Tinypool has no CommonJS. A program that needs one may have a `require` that loads no ES modules, as jest has: Node's does. */
const tinypool = `const Module = require('node:module');
module.exports = new Module(__filename).require(require.resolve('tinypool'));`;

/** Lets the files of a bundle stay apart in CommonJS too. */
const apart = {
  name: 'apart',
  setup(build) {
    build.onResolve({ filter: /^\.\/.*\.js$/ }, ({ path }) => ({
      path: path.replace(/\.js$/, '.cjs'),
      external: true,
    }));
    build.onResolve({ filter: /^#?tinypool$/ }, ({ path, kind }) =>
      kind === 'require-resolve' ? { external: true } : { path, namespace: 'native' },
    );
    build.onLoad({ filter: /.*/, namespace: 'native' }, () => ({ contents: tinypool, resolveDir: root }));
  },
};

const bundled = join(root, 'dist/bundle/rx-parfor');
await build({
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  packages: 'external',
  logLevel: 'warning',
  entryPoints: readdirSync(bundled)
    .filter(name => name.endsWith('.js') && !/^(worker-program|absent-tinypool|serial-map)/.test(name))
    .map(name => join(bundled, name)),
  outdir: 'dist/bundle/commonjs',
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  define: { 'import.meta.url': 'moduleUrl' },
  banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  plugins: [apart],
});

for (const folder of ['', 'lib', 'operators'])
  for (const name of readdirSync(join(root, 'dist', folder), {
    recursive: folder !== '',
    encoding: 'utf8',
  })) {
    if (!name.endsWith('.d.ts')) continue;
    const file = join(root, 'dist', folder, name);
    const text = readFileSync(file, 'utf8').replace(/((?:from |import\()'\.[^']*)\.js'/g, "$1.cjs'");
    writeFileSync(file.replace(/\.ts$/, '.cts'), text);
  }

// Nobody requires it but by mistake; every entry point can be, though.
writeFileSync(
  join(root, 'dist/bundle/worker/entry.cjs'),
  "exports.default = message => import('./entry.js').then(({ default: start }) => start(message));\n",
);
