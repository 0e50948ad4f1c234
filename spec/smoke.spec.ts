// Projects of users, with the package as it would be published: each way to run a program, in TypeScript and in
// JavaScript, with a function that is shipped and with one of a module.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type BuildOptions, build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { install, pack } from './support/packed.js';
import { project } from './support/project.js';

let folder = '';

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rx-parfor-smoke-'));
  const tools = ['tsx', 'vitest', '@types/node'];
  await install(await pack(folder), folder, ['rxjs', 'tinypool', ...tools]);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Files by name. */
type Files = Readonly<Record<string, string>>;

/** A project of its own in the folder where the package is installed. */
function projectOf(name: string, type: 'module' | 'commonjs', files: Files): string {
  const root = join(folder, name);
  mkdirSync(root);
  symlinkSync(join(folder, 'node_modules'), join(root, 'node_modules'), 'junction');
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name, private: true, type }));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(root, file), text);
  return root;
}

/** What a script of Node writes; its errors as well, where it fails. */
function outputOf(root: string, script: string, ...args: readonly string[]): Promise<string> {
  const { NODE_V8_COVERAGE, NODE_OPTIONS, FORCE_COLOR, ...env } = process.env;
  return new Promise(resolve => {
    const options = { cwd: root, env: { ...env, NO_COLOR: '1' }, timeout: 60_000 };
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) =>
      resolve(stripVTControlCharacters(error ? `${error.message}\n${stdout}\n${stderr}` : stdout)),
    );
  });
}

const bin = (path: string): string => join(project, 'node_modules', path);

/** What each project writes: squares of a function that is shipped, cubes of a module's. */
const rows = (power: number): number[] => Array.from({ length: 50 }, (_, x) => x ** power);
const answer = JSON.stringify([rows(2), rows(3)]);

// `power` is what a function that is shipped could not see.
const cube = {
  js: (meta: string) =>
    `import { task } from 'rx-parfor/task';
    const power = 3;
    export const cube = task(${meta}, 'cube', x => x ** power);`,
  ts: (meta: string) =>
    `import { task } from 'rx-parfor/task';
    enum Power { three = 3 }
    export const cube = task(${meta}, 'cube', (x: number): number => x ** Power.three);`,
};

const both = {
  js: `import { parallelMap } from 'rx-parfor';
    import { lastValueFrom, range, toArray } from 'rxjs';
    import { cube } from './cube.js';
    const all = task => lastValueFrom(range(0, 50).pipe(parallelMap(task), toArray()));
    export const answer = async () => JSON.stringify([await all(x => x * x), await all(cube)]);`,
  ts: `import { parallelMap } from 'rx-parfor';
    import { lastValueFrom, range, toArray } from 'rxjs';
    import { cube } from './cube.js';
    const all = (task: (x: number) => number): Promise<number[]> =>
      lastValueFrom(range(0, 50).pipe(parallelMap(task), toArray()));
    export const answer = async (): Promise<string> =>
      JSON.stringify([await all((x: number): number => x * x), await all(cube)]);`,
};

const main = "import { answer } from './both.js';\nanswer().then(console.log);";

const check = `import { expect, test } from 'vitest';
  import { answer } from './both.js';
  test('rows', async () => expect(await answer()).toBe(${JSON.stringify(answer)}));`;

/** A project of ES modules in one of the languages. */
const files = (language: 'js' | 'ts', meta = 'import.meta'): Files => ({
  [`cube.${language}`]: cube[language](meta),
  [`both.${language}`]: both[language],
  [`main.${language}`]: main,
});

test('node, ES modules', async () => {
  const root = projectOf('node-esm', 'module', files('js'));
  assert.is((await outputOf(root, 'main.js')).trim(), answer);
});

test('node, CommonJS: require, and a module by its file name', async () => {
  const root = projectOf('node-cjs', 'commonjs', {
    'cube.js': `const { task } = require('rx-parfor/task');
      const { pathToFileURL } = require('node:url');
      const power = 3;
      exports.cube = task({ url: pathToFileURL(__filename) }, 'cube', x => x ** power);`,
    'main.js': `const { parallelMap } = require('rx-parfor');
      const { lastValueFrom, range, toArray } = require('rxjs');
      const { cube } = require('./cube.js');
      const all = task => lastValueFrom(range(0, 50).pipe(parallelMap(task), toArray()));
      (async () => console.log(JSON.stringify([await all(x => x * x), await all(cube)])))();`,
  });
  assert.is((await outputOf(root, 'main.js')).trim(), answer);
});

test('TypeScript: strict, as ES modules and for a bundler', async () => {
  const root = projectOf('types', 'module', files('ts'));
  const tsc = bin('typescript/bin/tsc');
  const strict = ['--noEmit', '--strict', '--target', 'es2022', '--types', 'node', 'main.ts'];
  assert.is(await outputOf(root, tsc, ...strict, '--module', 'nodenext'), '');
  const bundler = ['--module', 'esnext', '--moduleResolution', 'bundler'];
  assert.is(await outputOf(root, tsc, ...strict, ...bundler), '');
});

// From 22.18 on, and 23.6.
const stripsTypes = (process.features as { typescript?: unknown }).typescript === 'strip';
(stripsTypes ? test : test.skip)('node, TypeScript as it is', async () => {
  const root = projectOf('node-ts', 'module', {
    'cube.ts': cube.js('import.meta').replace('x =>', '(x: number): number =>'),
    'both.ts': both.ts.replace('./cube.js', './cube.ts'),
    'main.ts': main.replace('./both.js', './both.ts'),
  });
  assert.is((await outputOf(root, 'main.ts')).trim(), answer);
});

for (const language of ['js', 'ts'] as const)
  test(`tsx, ${language}, ES modules`, async () => {
    const root = projectOf(`tsx-esm-${language}`, 'module', files(language));
    assert.is((await outputOf(root, bin('tsx/dist/cli.mjs'), `main.${language}`)).trim(), answer);
  });

test('tsx, CommonJS', async () => {
  const url = "{ url: require('node:url').pathToFileURL(__filename) }";
  const root = projectOf('tsx-cjs', 'commonjs', files('ts', url));
  assert.is((await outputOf(root, bin('tsx/dist/cli.mjs'), 'main.ts')).trim(), answer);
});

for (const language of ['js', 'ts'] as const)
  test(`vitest, ${language}`, async () => {
    const root = projectOf(`vitest-${language}`, 'module', {
      ...files(language),
      [`main.test.${language}`]: check,
    });
    const output = await outputOf(root, bin('vitest/vitest.mjs'), 'run', '--no-cache');
    assert.match(output, /Tests\s+1 passed \(1\)/, output);
  });

const bundles: Readonly<Record<string, BuildOptions>> = {
  plain: {},
  minified: { minify: true },
  'minified, with names': { minify: true, keepNames: true },
  'with this package and RxJS in it': { packages: 'bundle', external: ['tinypool'] },
};
for (const language of ['js', 'ts'] as const)
  for (const [name, options] of Object.entries(bundles))
    test(`esbuild, ${language}, ${name}`, async () => {
      // In a bundle, import.meta is that of the bundle: the task names the file that a worker is to import.
      const meta = "{ url: new URL('./cube.js', import.meta.url) }";
      const root = projectOf(`esbuild-${language}-${name}`, 'module', files(language, meta));
      await build({
        absWorkingDir: root,
        entryPoints: [`main.${language}`, `cube.${language}`],
        outdir: 'out',
        bundle: true,
        format: 'esm',
        platform: 'node',
        packages: 'external',
        logLevel: 'silent',
        ...options,
      });
      assert.is((await outputOf(root, join('out', 'main.js'))).trim(), answer);
    });

test.run();
