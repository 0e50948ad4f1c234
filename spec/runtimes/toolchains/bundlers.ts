import { bundleMeta, commonJsBundleMeta, type Files, sources } from '../../support/userProject.js';
import { bin, program, type ToolchainProject } from './toolchainProject.js';

/** The packages that must stay outside: only this one, and what the program shares with it. */
const outside = { 'rx-parfor': 'commonjs rx-parfor', 'rx-parfor/task': 'commonjs rx-parfor/task' };

/** Configurations of webpack and rspack, which are one. */
const webpackConfig = (externals: object): Files => ({
  'bundle.config.js': `module.exports = {
    target: 'node',
    mode: 'production',
    entry: { main: './main.js', cube: './cube.js' },
    output: { path: __dirname + '/out', filename: '[name].js', library: { type: 'commonjs2' } },
    externals: ${JSON.stringify(externals)},
  };`,
});
const bundled = sources('js', commonJsBundleMeta);

const webpackOf = (name: string, packages: readonly string[], cli: string): ToolchainProject[] =>
  Object.entries({ 'packages in it': {}, 'rx-parfor outside': outside }).map(([how, externals]) => ({
    name: `${name}, ${how}`,
    packages,
    files: { ...bundled, ...webpackConfig(externals) },
    steps: [[bin(cli), 'build', '-c', 'bundle.config.js'], [program]],
    moves: 'out',
  }));

const rollup = (format: 'es' | 'cjs'): ToolchainProject => ({
  name: `rollup, ${format}, packages in it`,
  packages: ['rollup@4', '@rollup/plugin-node-resolve', '@rollup/plugin-commonjs'],
  type: format === 'es' ? 'module' : undefined,
  files: {
    ...sources('js', format === 'es' ? bundleMeta : commonJsBundleMeta),
    'rollup.config.mjs': `import resolve from '@rollup/plugin-node-resolve';
      import commonjs from '@rollup/plugin-commonjs';
      const plugins = [resolve({ preferBuiltins: true }), commonjs()];
      export default { input: ['main.js', 'cube.js'], output: { dir: 'out', format: '${format}' }, plugins };`,
  },
  steps: [[bin('rollup/dist/bin/rollup'), '-c', '--silent'], [program]],
  moves: 'out',
});

const esbuild = bin('esbuild/bin/esbuild');
const esbuildArguments = ['main.js', 'cube.js', '--bundle', '--platform=node', '--outdir=out'];

/** What puts a program into a file. */
export const bundlers: readonly ToolchainProject[] = [
  {
    name: 'esbuild, CommonJS, packages in it',
    packages: ['esbuild'],
    files: bundled,
    steps: [[esbuild, ...esbuildArguments, '--log-level=error'], [program]],
    moves: 'out',
  },
  {
    name: 'esbuild, CommonJS, rx-parfor outside',
    packages: ['esbuild'],
    files: bundled,
    steps: [[esbuild, ...esbuildArguments, '--external:rx-parfor'], [program]],
    moves: 'out',
  },
  rollup('cjs'),
  rollup('es'),
  {
    name: 'ncc, packages in it',
    packages: ['@vercel/ncc'],
    files: bundled,
    steps: [
      [bin('@vercel/ncc/dist/ncc/cli.js'), 'build', 'main.js', '-o', 'out', '-q'],
      [bin('@vercel/ncc/dist/ncc/cli.js'), 'build', 'cube.js', '-o', 'task', '-q'],
      ['-e', "fs.renameSync('task/index.js', 'out/cube.js'); fs.renameSync('out/index.js', 'out/main.js')"],
      [program],
    ],
    moves: 'out',
  },
  ...webpackOf('webpack', ['webpack', 'webpack-cli'], 'webpack-cli/bin/cli.js'),
  ...webpackOf('rspack', ['@rspack/core', '@rspack/cli'], '@rspack/cli/bin/rspack.js'),
  {
    name: 'Next, rx-parfor outside',
    packages: ['next', 'react', 'react-dom'],
    type: 'module',
    files: {
      ...sources('js', "{ url: 'file://' + process.cwd() + '/cube.js' }"),
      'app/layout.js': `export default ({ children }) => <html lang="en"><body>{children}</body></html>;`,
      'app/page.js': `export default () => <p>rows</p>;`,
      'app/rows/route.js': `import { answer } from '../../both.js';
        export const dynamic = 'force-dynamic';
        export const GET = async () => new Response(await answer());`,
      'next.config.mjs': `export default {
        serverExternalPackages: ['rx-parfor'],
        turbopack: { root: new URL('..', import.meta.url).pathname },
      };`,
      // Starts the server, asks it until it answers, and writes that.
      'ask.mjs': `import { spawn } from 'node:child_process';
        const port = 20_000 + (process.pid % 10_000);
        const server = spawn(process.execPath, ['${bin('next/dist/bin/next')}', 'start', '-p', port]);
        let reply = '';
        while (reply === '') {
          await new Promise(resolve => setTimeout(resolve, 200));
          reply = await fetch(\`http://localhost:\${port}/rows\`).then(got => got.text(), () => '');
        }
        console.log(reply);
        server.kill();`,
    },
    steps: [[bin('next/dist/bin/next'), 'build'], ['ask.mjs']],
  },
  {
    name: 'esbuild among the packages of pnpm',
    packages: ['pnpm@10', 'esbuild'],
    files: {
      ...bundled,
      'pnpm-workspace.yaml': 'packages: []\n',
      'install.mjs': `import { spawnSync } from 'node:child_process';
        import { writeFileSync } from 'node:fs';
        const dependencies = { 'rx-parfor': \`file:\${process.env.RX_PARFOR_TARBALL}\`, rxjs: '^7.8.2' };
        writeFileSync('package.json', JSON.stringify({ name: 'pnpm', private: true, dependencies }));
        const args = ['${bin('pnpm/bin/pnpm.cjs')}', 'install', '--ignore-scripts'];
        process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status;`,
    },
    steps: [['install.mjs'], [esbuild, ...esbuildArguments, '--log-level=error'], [program]],
  },
];
