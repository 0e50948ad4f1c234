// Projects of users, with the package as it would be published: each way to run a program, in TypeScript and in
// JavaScript, with a function that is shipped and with one of a module, on threads and on processes. What takes long to
// install is in `runtimes/toolchains/`.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildOptions, build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { install, pack } from './support/packed.js';
import { project } from './support/project.js';
import {
  answer,
  bundleMeta,
  changed,
  commonJsBundleMeta,
  commonJsMeta,
  type Files,
  outputOf,
  requiring,
  sources,
  withoutExtensions,
  writeProject,
} from './support/userProject.js';

/** Projects whose folder has the tools of users, and projects whose folder has none that loads TypeScript. */
let folder = '';
let withoutTsx = '';

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rx-parfor-smoke-'));
  withoutTsx = mkdtempSync(join(tmpdir(), 'rx-parfor-smoke-without-tsx-'));
  const packed = await pack(folder);
  const needed = ['rxjs', 'tinypool', '@types/node', 'vitest'];
  await install(packed, folder, [...needed, 'tsx']);
  await install(packed, withoutTsx, [...needed, 'esbuild']);
});

test.after(() => {
  for (const used of [folder, withoutTsx]) rmSync(used, { recursive: true, force: true });
});

const bin = (path: string): string => join(project, 'node_modules', path);
const tsx = bin('tsx/dist/cli.mjs');

const projectOf = (name: string, type: 'module' | 'commonjs' | undefined, files: Files, among = folder) =>
  writeProject(among, { name, type, files });

const check = `import { expect, test } from 'vitest';
  import { answer } from './both.js';
  test('rows', async () => expect(await answer()).toBe(${JSON.stringify(answer)}));`;

test('node, ES modules', async () => {
  const root = projectOf('node-esm', 'module', sources('js'));
  assert.is(await outputOf(root, ['main.js']), answer);
});

test('node, CommonJS: require, and a module by its file name', async () => {
  const root = projectOf('node-cjs', 'commonjs', requiring);
  assert.is(await outputOf(root, ['main.js']), answer);
});

const strict = ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', 'main.ts'];
const compilers: Readonly<Record<string, readonly ['module' | 'commonjs', ...string[]]>> = {
  'as ES modules': ['module', '--module', 'nodenext'],
  'for a bundler': ['module', '--module', 'esnext', '--moduleResolution', 'bundler'],
  'as CommonJS': ['commonjs', '--module', 'nodenext'],
  'as CommonJS of old': [
    ...(['commonjs', '--module', 'commonjs', '--moduleResolution', 'node10'] as const),
    ...['--ignoreDeprecations', '6.0'],
  ],
};
for (const [name, [type, ...options]] of Object.entries(compilers))
  test(`TypeScript: strict, ${name}`, async () => {
    const meta = type === 'module' ? 'import.meta' : commonJsMeta;
    const root = projectOf(`types-${name}`, type, sources('ts', meta));
    assert.is(await outputOf(root, [bin('typescript/bin/tsc'), ...strict, ...options]), '');
  });

// From 22.18 on, and 23.6.
const stripsTypes = (process.features as { typescript?: unknown }).typescript === 'strip';
(stripsTypes ? test : test.skip)('node, TypeScript as it is', async () => {
  const root = projectOf('node-ts', 'module', {
    ...changed(sources('ts'), text => text.replaceAll(".js'", ".ts'")),
    'cube.ts': (sources('js')['cube.js'] as string).replace('x =>', '(x: number): number =>'),
  });
  assert.is(await outputOf(root, ['main.ts']), answer);
});

for (const language of ['js', 'ts'] as const)
  test(`tsx, ${language}, ES modules`, async () => {
    const root = projectOf(`tsx-esm-${language}`, 'module', sources(language));
    assert.is(await outputOf(root, [tsx, `main.${language}`]), answer);
  });

test("tsx, CommonJS, which is npm's default", async () => {
  const root = projectOf('tsx-cjs', undefined, sources('ts', commonJsMeta));
  assert.is(await outputOf(root, [tsx, 'main.ts']), answer);
});

/** A program in JavaScript whose task is in a module of TypeScript, which it does not import itself. */
function taskInTypeScript(): Files {
  const { 'cube.ts': cube, 'one.ts': one } = sources('ts', commonJsMeta) as Record<string, string>;
  const stub = (requiring['cube.js'] as string).replace('__filename', "__filename.replace('.js', '.ts')");
  return { ...requiring, 'cube.js': stub, 'cube.ts': cube as string, 'one.ts': one as string };
}

test('node, CommonJS, with a task in TypeScript, which tsx loads in workers', async () => {
  const root = projectOf('node-tsx-task', undefined, taskInTypeScript());
  assert.is(await outputOf(root, ['main.js']), answer);
});

test('a hook of require that loads TypeScript, as ts-node and swc-node are', async () => {
  const root = projectOf(
    'require-hook',
    undefined,
    {
      ...withoutExtensions(sources('ts', commonJsMeta)),
      'hook.cjs': `const { transformSync } = require('esbuild');
        require.extensions['.ts'] = (module, file) => {
          const text = require('node:fs').readFileSync(file, 'utf8');
          module._compile(transformSync(text, { loader: 'ts', format: 'cjs' }).code, file);
        };`,
    },
    withoutTsx,
  );
  assert.is(await outputOf(root, ['-r', './hook.cjs', 'main.ts']), answer);
});

test('a task in TypeScript is told what to install where nothing loads it', async () => {
  const root = projectOf(
    'node-no-loader',
    'commonjs',
    {
      ...taskInTypeScript(),
      'main.js': `const { parallelMap, processes } = require('rx-parfor');
        const { lastValueFrom, of } = require('rxjs');
        const { cube } = require('./cube.js');
        const executor = processes({ maxThreads: 1 });
        (async () => {
          for (const options of [{}, { executor }])
            await lastValueFrom(of(2).pipe(parallelMap(cube, options))).catch(error => console.log(error.message));
          await executor.close();
        })();`,
    },
    withoutTsx,
  );
  const output = await outputOf(root, ['main.js']);
  const says = stripsTypes
    ? /Node strips types, and compiles no enums.*npm install --save-dev tsx/g
    : /nothing here loads TypeScript in a worker.*npm install --save-dev tsx/g;
  assert.is(output.match(says)?.length, 2, output);
});

for (const language of ['js', 'ts'] as const)
  test(`vitest, ${language}`, async () => {
    const root = projectOf(`vitest-${language}`, 'module', {
      ...sources(language),
      [`main.test.${language}`]: check,
    });
    const output = await outputOf(root, [bin('vitest/vitest.mjs'), 'run', '--no-cache']);
    assert.match(output, /Tests\s+1 passed \(1\)/, output);
  });

test('vitest, ts, without tsx: it is told that vitest compiles modules for itself alone', async () => {
  const files = { ...sources('ts'), 'main.test.ts': check };
  const root = projectOf('vitest-no-loader', 'module', files, withoutTsx);
  const output = await outputOf(root, [bin('vitest/vitest.mjs'), 'run', '--no-cache']);
  assert.match(output, /vitest compiles modules for itself alone\. Install tsx/, output);
});

const bundles: Readonly<Record<string, BuildOptions>> = {
  'packages outside': { packages: 'external' },
  'packages outside, minified': { packages: 'external', minify: true },
  'packages outside, minified, with names': { packages: 'external', minify: true, keepNames: true },
  'packages in it but Tinypool': { external: ['tinypool'] },
  'packages in it': {},
};
const commonJsBundles: Readonly<Record<string, BuildOptions>> = {
  'as it is by default': {},
  'packages in it but Tinypool, minified': { external: ['tinypool'], minify: true },
};

/** Bundles a program and its task's module, runs it, and returns what it writes. */
async function outputOfBundle(root: string, language: 'js' | 'ts', options: BuildOptions, outdir = 'out') {
  await build({
    absWorkingDir: root,
    entryPoints: [`main.${language}`, `cube.${language}`],
    outdir,
    bundle: true,
    platform: 'node',
    logLevel: 'silent',
    ...options,
  });
  return outputOf(root, [join(outdir, 'main.js')]);
}

for (const language of ['js', 'ts'] as const) {
  for (const [name, options] of Object.entries(bundles))
    test(`esbuild, ${language}, ${name}`, async () => {
      const root = projectOf(`esbuild-${language}-${name}`, 'module', sources(language, bundleMeta));
      assert.is(await outputOfBundle(root, language, { ...options, format: 'esm' }), answer);
    });

  for (const [name, options] of Object.entries(commonJsBundles))
    test(`esbuild, CommonJS, ${language}, ${name}`, async () => {
      const files = sources(language, commonJsBundleMeta);
      const root = projectOf(`esbuild-cjs-${language}-${name}`, undefined, files);
      assert.is(await outputOfBundle(root, language, options), answer);
    });
}

test('a bundle that finds no package is told that it must be installed', async () => {
  const root = projectOf('esbuild-nowhere', undefined, sources('js', commonJsBundleMeta));
  const outdir = mkdtempSync(join(tmpdir(), 'rx-parfor-nowhere-'));
  try {
    await outputOfBundle(root, 'js', {}, outdir);
    assert.match(
      await outputOf(outdir, ['main.js']),
      /the package must be installed where one of these finds it/,
    );
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
});

test.run();
