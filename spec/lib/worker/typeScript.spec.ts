import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  explainTypeScript,
  isTypeScript,
  registerRequireHook,
  registerTsx,
  requiresTypeScript,
} from '../../../lib/worker/typeScript.js';
import { inFolder } from '../../contract/subject.js';

const url = 'file:///project/task.ts';
const errorOf = (code: string, message = 'it failed', more: object = {}) =>
  Object.assign(new Error(message), { code }, more);

/** Calls with other variables of the environment. */
function withEnv<T>(variables: Record<string, string | undefined>, call: () => T): T {
  const before = { ...process.env };
  for (const [name, value] of Object.entries(variables))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  try {
    return call();
  } finally {
    process.env = before;
  }
}
const explain = (error: unknown, from = url) =>
  String(withEnv({ VITEST: undefined, JEST_WORKER_ID: undefined }, () => explainTypeScript(from, error)));

test('TypeScript is told by the extension of a file', () => {
  for (const name of ['a.ts', 'a.tsx', 'a.mts', 'a.cts', 'a.ts?x=1', 'a.ts#b'])
    assert.ok(isTypeScript(`file:///${name}`), name);
  for (const name of ['a.js', 'a.ts.js', 'ats', 'a.js?b.ts'])
    assert.not(isTypeScript(`file:///${name}`), name);
  assert.not(isTypeScript('data:text/javascript,a.ts'));
  assert.not(isTypeScript(undefined));
});

test('why TypeScript did not load is said by the code of the error, and what to install', () => {
  for (const [error, says] of [
    [errorOf('ERR_UNKNOWN_FILE_EXTENSION'), /nothing here loads TypeScript/],
    [errorOf('ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX'), /compiles no enums, namespaces or parameter properties/],
    [errorOf('ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING'), /no types in node_modules/],
    [new SyntaxError("'./a.ts' does not provide an export named 'A'"), /must be imported by `import type`/],
  ] as const) {
    assert.match(explain(error), says);
    assert.match(explain(error), /npm install --save-dev tsx\), or name the compiled module$/);
  }
});

test('a test runner that compiles for itself alone is named', () => {
  const error = errorOf('ERR_UNKNOWN_FILE_EXTENSION');
  for (const [variable, name] of [
    ['VITEST', 'vitest'],
    ['JEST_WORKER_ID', 'jest'],
  ] as const) {
    const others = { VITEST: undefined, JEST_WORKER_ID: undefined };
    const says = withEnv({ ...others, [variable]: '1' }, () => explainTypeScript(url, error));
    assert.match(String(says), `${name} compiles modules for itself alone`);
  }
});

test('a module of TypeScript that is there under another extension is told by it', () =>
  inFolder(async folder => {
    for (const name of ['one.ts', 'two.mts']) writeFileSync(join(folder, name), '');
    mkdirSync(join(folder, 'all'));
    writeFileSync(join(folder, 'all/index.ts'), '');
    const path = (name: string) => join(folder, name);
    const missing = (file: string) => errorOf('ERR_MODULE_NOT_FOUND', `Cannot find module '${file}'`);
    assert.match(explain(missing(path('one.js'))), /: import one\.ts, and not one\.js\./);
    assert.match(explain(missing(path('two.mjs'))), /import two\.mts, and not two\.mjs/);
    assert.match(explain(missing(path('one'))), /import one\.ts, and not one\./);
    assert.match(explain(missing(pathToFileURL(path('one.js')).href)), /import one\.ts/);
    assert.match(explain(missing(path('all'))), /import all.index\.ts, and not all\./);
    const required = errorOf('MODULE_NOT_FOUND', "Cannot find module './one'", {
      requireStack: [path('task.ts')],
    });
    assert.match(explain(required), /import one\.ts/);
    assert.is(explain(missing(path('three.js'))), 'undefined');
    assert.is(explain(missing('left-pad')), 'undefined');
  }));

test('what has nothing to do with TypeScript is not explained by it', () => {
  assert.is(explain(new RangeError('mine')), 'undefined');
  assert.is(explain('text'), 'undefined');
  assert.is(explain(errorOf('MODULE_NOT_FOUND', 'no name in it')), 'undefined');
  assert.is(explain(errorOf('ERR_UNKNOWN_FILE_EXTENSION'), 'file:///project/task.js'), 'undefined');
});

test('a hook of require that loads TypeScript is seen, and that of Node is none', () => {
  const { extensions } = createRequire(import.meta.url);
  const before = extensions['.ts'];
  try {
    delete extensions['.ts'];
    assert.not(requiresTypeScript());
    extensions['.ts'] = function loadTS() {};
    assert.not(requiresTypeScript());
    extensions['.ts'] = () => undefined;
    assert.ok(requiresTypeScript());
  } finally {
    delete extensions['.ts'];
    if (before) extensions['.ts'] = before;
  }
});

test('where nothing is installed that loads TypeScript, nothing is registered', () =>
  inFolder(async folder => {
    const beside = pathToFileURL(join(folder, 'task.ts')).href;
    assert.not(await registerTsx(beside));
    assert.not(registerRequireHook(beside));
  }));

test.run();
