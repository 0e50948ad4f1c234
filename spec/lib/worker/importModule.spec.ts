import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { importModule } from '../../../lib/worker/importModule.js';
import { inFolder } from '../../contract/subject.js';

const { extensions } = createRequire(import.meta.url);

/** Calls in a folder with these files, and takes away the hook of `require` that a file has set. */
const inProject = (
  files: Readonly<Record<string, string>>,
  call: (urlOf: (name: string) => string) => unknown,
) =>
  inFolder(async folder => {
    const before = extensions['.ts'];
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    try {
      await call(name => pathToFileURL(join(folder, name)).href);
    } finally {
      delete extensions['.ts'];
      if (before) extensions['.ts'] = before;
    }
  });

/** A stand-in for ts-node; a folder of `node_modules` has it under its name. */
const hook = `require.extensions['.ts'] = (module, file) => module._compile(globalThis.compileHere(file), file);`;
const tsNode = {
  'node_modules/ts-node/package.json': '{ "name": "ts-node" }',
  'node_modules/ts-node/register/transpile-only.js': hook,
};
(globalThis as Record<string, unknown>).compileHere = (file: string) =>
  transformSync(readFileSync(file, 'utf8'), { loader: 'ts', format: 'cjs' }).code;

const withEnum = 'enum Power { three = 3 }\nexport const cube = (x: number) => x ** Power.three;';

test('a module in JavaScript is imported', () =>
  inProject({ 'a.mjs': 'export const a = 1;' }, async urlOf =>
    assert.is((await importModule(urlOf('a.mjs'))).a, 1),
  ));

test('TypeScript that Node does not load is required by a hook that is installed beside it', () =>
  inProject({ ...tsNode, 'package.json': '{}', 'cube.ts': withEnum }, async urlOf => {
    const { cube } = (await importModule(urlOf('cube.ts'))) as { cube(x: number): number };
    assert.is(cube(2), 8);
  }));

test('TypeScript is required by the hook that the worker was started with', () =>
  inProject({ 'package.json': '{}', 'cube.ts': withEnum }, async urlOf => {
    extensions['.ts'] = (module, file) =>
      (module as unknown as { _compile(text: string, file: string): void })._compile(
        transformSync(readFileSync(file, 'utf8'), { loader: 'ts', format: 'cjs' }).code,
        file,
      );
    const { cube } = (await importModule(urlOf('cube.ts'))) as { cube(x: number): number };
    assert.is(cube(2), 8);
  }));

test('a module of TypeScript that throws as it runs is not run again by another loader', () =>
  inProject(
    {
      ...tsNode,
      'package.json': '{}',
      'fails.ts': `globalThis.timesRun = (globalThis.timesRun ?? 0) + 1;
        throw Object.assign(new TypeError('mine'), { code: 'ERR_INVALID_ARG_TYPE' });`,
    },
    async urlOf => {
      delete (globalThis as Record<string, unknown>).timesRun;
      const error = await importModule(urlOf('fails.ts')).catch((error: unknown) => error);
      assert.is((error as Error).message, 'mine');
      assert.is((globalThis as Record<string, unknown>).timesRun, 1);
    },
  ));

test('the error of Node stands where nothing is installed that loads TypeScript', () =>
  inProject({ 'package.json': '{}', 'cube.ts': withEnum }, async urlOf => {
    const error = await importModule(urlOf('cube.ts')).catch((error: unknown) => error);
    assert.match(
      String((error as NodeJS.ErrnoException).code),
      /^ERR_(UNKNOWN_FILE_EXTENSION|UNSUPPORTED_TYPESCRIPT_SYNTAX)$/,
    );
  }));

test.run();
