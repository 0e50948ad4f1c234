// What a program has of this package that requires it, in Node and in what loads no ES modules, as it would be published.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { install, pack } from './support/packed.js';
import { answer, type Files, outputOf, requiring, writeProject } from './support/userProject.js';

let folder = '';

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rx-parfor-commonjs-'));
  await install(await pack(folder), folder, ['rxjs', 'tinypool']);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

const projectOf = (name: string, files: Files) => writeProject(folder, { name, type: 'commonjs', files });

test('node, required and imported: one and the same package', async () => {
  const root = projectOf('node-mixed', {
    'main.js': `const required = ['rx-parfor', 'rx-parfor/task', 'rx-parfor/testing'].map(name => require(name));
      Promise.all([import('rx-parfor'), import('rx-parfor/task'), import('rx-parfor/testing')]).then(imported =>
        console.log(imported.every((names, i) => Object.keys(names).every(name => names[name] === required[i][name]))));`,
  });
  assert.is(await outputOf(root, ['main.js']), 'true');
});

/** What jest is for a program: a context of node:vm, with a `require` of its own that loads no ES modules. */
const asInJest = `const { createRequire } = require('node:module');
  const { readFileSync } = require('node:fs');
  const { dirname, join } = require('node:path');
  const vm = require('node:vm');
  const context = vm.createContext();
  const inner = vm.runInContext('globalThis', context);
  for (const name of Object.getOwnPropertyNames(globalThis)) if (name === 'console' || !(name in inner)) inner[name] = globalThis[name];
  const own = join(__dirname, '../node_modules/rx-parfor');
  const { exports: entries } = require('rx-parfor/package.json');
  const loaded = new Map();
  const load = file => {
    if (loaded.has(file)) return loaded.get(file).exports;
    const native = createRequire(file);
    const find = name =>
      name.startsWith('rx-parfor') ? join(own, entries[name.replace('rx-parfor', '.')].require.default) : native.resolve(name);
    const require = name => (name.startsWith('node:') ? native(name) : load(find(name)));
    const module = { exports: {} };
    loaded.set(file, module);
    vm.compileFunction(
      readFileSync(file, 'utf8'),
      ['exports', 'module', 'require', '__filename', '__dirname'],
      { filename: file, parsingContext: context },
    )(module.exports, module, Object.assign(require, { resolve: native.resolve }), file, dirname(file));
    return module.exports;
  };`;

test('CommonJS of its own, in a context of node:vm, as jest runs programs', async () => {
  const root = projectOf('as-in-jest', {
    ...requiring,
    'jest.js': `${asInJest}\nload(join(__dirname, 'main.js'));`,
  });
  assert.is(await outputOf(root, ['jest.js']), answer);
});

test('a shipped function in a context of node:vm fails and imports where it was written', async () => {
  const root = projectOf('vm-location', {
    'five.cjs': 'exports.five = 5;',
    'main.js': `const { parallelMap } = require('rx-parfor');
      const { lastValueFrom, of } = require('rxjs');
      const row = task => lastValueFrom(of(1).pipe(parallelMap(task)));
      (async () => {
        console.log(await row(async x => x + (await import('./five.cjs')).five));
        console.log(await row(x => { throw new Error('here'); }).catch(error => error.cause.stack.includes('main.js:6:')));
      })();`,
    'jest.js': `${asInJest}\nload(join(__dirname, 'main.js'));`,
  });
  assert.is(await outputOf(root, ['jest.js']), '6\ntrue');
});

test('two copies of the package, of ES modules and of CommonJS, know the same tasks and classes', async () => {
  const root = projectOf('two-copies', {
    'tasks.js': `const commonJs = '../node_modules/rx-parfor/dist/bundle/commonjs/';
      const { task } = require(commonJs + 'task.cjs');
      const { registerClass } = require(commonJs + 'index.cjs');
      exports.Metres = class Metres { constructor(n) { this.n = n; } };
      registerClass(exports.Metres, { encode: ({ n }) => n, decode: n => new exports.Metres(n) });
      const url = require('node:url').pathToFileURL(__filename);
      exports.double = task({ url }, 'double', metres => new exports.Metres(2 * metres.n));
      exports.apply = task({ url }, 'apply', (metres, double) => double(metres));
      exports.required = require(commonJs + 'index.cjs');`,
    'main.js': `const { Metres, double, apply, required } = require('./tasks.js');
      const { lastValueFrom, of } = require('rxjs');
      (async () => {
        const imported = await import('rx-parfor');
        const executor = imported.processes({ maxThreads: 1 });
        console.log(imported.parallelMap !== required.parallelMap);
        for (const { parallelMap, threads } of [imported, required])
          for (const options of [{}, { executor }]) {
            const { n } = await lastValueFrom(of(new Metres(2)).pipe(parallelMap(apply, { ...options, args: [double] })));
            const { code } = await lastValueFrom(of(1).pipe(parallelMap(x => x.y.z, options))).catch(error => error);
            console.log(n, code);
          }
        await executor.close();
      })();`,
  });
  const line = '4 RX_PARFOR_TASK';
  assert.is(await outputOf(root, ['main.js']), ['true', line, line, line, line].join('\n'));
});

test.run();
