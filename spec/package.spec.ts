// The package as it would be published: what is in it, how its types resolve, and what importing it loads.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import * as published from 'rx-parfor';
import { lastValueFrom, of } from 'rxjs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Packed, pack } from './support/packed.js';

const root = dirname(createRequire(import.meta.url).resolve('rx-parfor/package.json'));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const execute = promisify(execFile);

let folder = '';
let packed: Packed = { tarball: '', paths: [] };

test.before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rx-parfor-package-'));
  packed = await pack(folder);
});

test.after(() => rmSync(folder, { recursive: true, force: true }));

test('only what users need is published', () => {
  const needed = /^(dist\/.*\.(js|cjs|d\.c?ts|js\.map)|README\.md|LICENSE|CHANGELOG\.md|package\.json)$/;
  assert.equal(
    packed.paths.filter(path => !needed.test(path)),
    [],
  );
  assert.equal(
    packed.paths.filter(path => /(^|\/)(spec|examples|bench)\//.test(path)),
    [],
  );
});

test('all that users need is published', () => {
  const targets = (entry: unknown): string[] =>
    typeof entry === 'string' ? [entry] : Object.values(entry as object).flatMap(targets);
  const needed = [
    ...targets(manifest.exports),
    ...targets([manifest.main, manifest.types, manifest.typesVersions]),
    ...targets(manifest.imports).filter(path => path.startsWith('./')),
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
  ];
  assert.equal(
    needed.map(path => path.replace('./', '')).filter(path => !packed.paths.includes(path)),
    [],
  );
});

test('publint has nothing to say', async () => {
  // It packs without scripts, as above.
  const { messages, pkg } = await publint({ pkgDir: root, pack: 'npm', strict: true });
  assert.equal(
    messages.map(message => formatMessage(message, pkg)),
    [],
  );
});

test('the types resolve for ES modules, bundlers, and CommonJS of today and as of old (attw)', async () => {
  const cli = join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const args = [cli, packed.tarball, '--format', 'ascii', '--no-emoji', '--no-color'];
  const problems = await execute(process.execPath, args).then(
    () => '',
    ({ stdout, message }) => stdout || message,
  );
  assert.is(problems, '');
});

test('what is published goes by its names, in a stack trace too', () => {
  for (const [name, value] of Object.entries(published))
    if (typeof value === 'function') assert.is(value.name, name);
});

test('CHANGELOG.md has this version', () => {
  assert.match(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), `## [${manifest.version}]`);
});

/** The packages that a program loads, its workers left aside. */
async function loadedBy(program: string): Promise<string[]> {
  // ES modules are seen as they are resolved, by a hook; CommonJS ones, such as RxJS, lie in a cache afterwards.
  const hook = `
    import { writeSync } from 'node:fs';
    export async function resolve(specifier, context, next) {
      const resolved = await next(specifier, context);
      writeSync(1, resolved.url + '\\n');
      return resolved;
    }`;
  const hooks = `data:text/javascript,${encodeURIComponent(hook)}`;
  writeFileSync(
    join(folder, 'hooks.mjs'),
    `import { register } from 'node:module'; register(${JSON.stringify(hooks)});`,
  );
  writeFileSync(
    join(folder, 'program.mjs'),
    `import { createRequire } from 'node:module';
    ${program}
    console.log(Object.keys(createRequire(import.meta.url).cache).join('\\n'));`,
  );
  const { stdout } = await execute(process.execPath, ['--import', './hooks.mjs', 'program.mjs'], {
    cwd: folder,
  });
  const own = `${root.replaceAll('\\', '/')}/dist/`;
  const packages = stdout
    .replaceAll('\\', '/')
    .split('\n')
    .filter(path => path !== '' && !path.startsWith('node:') && !path.includes(folder.replaceAll('\\', '/')))
    .map(path =>
      path.includes(own) ? manifest.name : (/.*\/node_modules\/((@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? path),
    );
  return [...new Set<string>(packages)].sort();
}

test('importing the package loads RxJS and Tinypool, and nothing else', async () => {
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const entry = JSON.stringify(new URL(`file://${join(root, manifest.exports['.'].default)}`).href);
  assert.equal(await loadedBy(`await import(${entry});`), [manifest.name, 'rxjs', 'tinypool'].sort());
});

test('importing rx-parfor/task loads nothing else at all', async () => {
  const entry = JSON.stringify(new URL(`file://${join(root, manifest.exports['./task'].default)}`).href);
  assert.equal(await loadedBy(`await import(${entry});`), [manifest.name]);
});

test('a worker loads no RxJS', async () => {
  const loaded = async () => {
    const { createRequire } = await import('node:module');
    return Object.keys(createRequire(process.execPath).cache);
  };
  const paths = await lastValueFrom(of(0).pipe(published.parallelMap(loaded)));
  assert.equal(
    paths.filter(path => path.includes('rxjs')),
    [],
  );
});

test.run();
