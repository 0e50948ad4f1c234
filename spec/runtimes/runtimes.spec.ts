import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { outcomeOf, requestOf, runSpecs, versionOf } from './runtimes.js';

// `npm run runtimes` fetches binaries and takes minutes; here its parts run on the Node that is here.

test('without arguments every spec is to run on every line', () => {
  assert.equal(requestOf([]), { versions: ['20', '22', '24', 'latest'], only: '\\.spec\\.js$' });
});

test('lines and a pattern can be given', () => {
  const { versions, only } = requestOf(['22', '--only', 'operators|columns', '24.1.0']);
  assert.equal(versions, ['22', '24.1.0']);
  assert.ok(new RegExp(only).test('operators/parfor.spec.js'));
  assert.ok(new RegExp(only).test('lib/columns.spec.js'));
  assert.not(new RegExp(only).test('lib/task.spec.js'));
});

test('what is no version, and a pattern that is missing, are said', () => {
  assert.throws(() => requestOf(['--all']), /"--all" is no version/);
  assert.throws(() => requestOf(['22', '--only']), /--only needs a pattern/);
});

test('specs are run and counted', async () => {
  assert.is(await versionOf(process.execPath), process.version);
  const { passed, failed, report } = await runSpecs(
    process.execPath,
    'lib/runtime/checkOptions\\.spec\\.js$',
    60,
  );
  assert.ok(passed > 0);
  assert.equal([failed, report], [0, '']);
});

test('a test that fails, a set-up that fails, a module that does not load and a spec that hangs are failures', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-specs-'));
  const uvu = pathToFileURL(createRequire(import.meta.url).resolve('uvu')).href;
  const write = (name: string, text: string) =>
    writeFileSync(join(folder, `${name}.spec.mjs`), `import { test } from ${JSON.stringify(uvu)};${text}`);
  write(
    'fails',
    `test('good', () => {}); test('bad', () => { throw new Error('no such luck') }); test.run();`,
  );
  write('setup', `test.before(() => { throw new Error('no set-up') }); test('good', () => {}); test.run();`);
  write('loads', `import './nowhere.mjs';`);
  write('hangs', `test('never', () => new Promise(() => setInterval(() => {}, 1e6))); test.run();`);
  try {
    const outcome = (name: string, seconds = 60) => runSpecs(process.execPath, name, seconds, folder);
    const fails = await outcome('fails');
    assert.equal([fails.passed, fails.failed], [1, 1]);
    assert.match(fails.report, 'no such luck');
    assert.is((await outcome('setup')).failed, 1);
    assert.match((await outcome('loads')).report, 'nowhere.mjs');
    assert.match((await outcome('hangs', 1)).report, 'ended after 1 s');
    assert.is((await outcome('no such spec')).failed, 1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('no count at all is a failure', () => {
  assert.equal(outcomeOf('', 0), { passed: 0, failed: 1, report: '' });
});

test.run();
