// The guide to an executor of one's own is a project: its files are type-checked, run, and its contract passes.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = dirname(createRequire(import.meta.url).resolve('rx-parfor/package.json'));
const guide = readFileSync(join(root, 'docs/executors.md'), 'utf8');

interface File {
  readonly name: string;
  readonly code: string;
  /** What it prints, where the guide says so. */
  readonly output: string | undefined;
}

const blocks = [...guide.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, language, code = '']) => ({
  language,
  code,
}));
const files = blocks.flatMap(({ language, code }, i): File[] => {
  const name = /^\/\/ (\S+\.ts)\n/.exec(code)?.[1];
  if (language !== 'ts' || !name) return [];
  const next = blocks[i + 1];
  return [{ name, code, output: next?.language === 'text' ? next.code : undefined }];
});

let project = '';
test.before(() => {
  project = mkdtempSync(join(tmpdir(), 'rx-parfor-guide-'));
  mkdirSync(join(project, 'node_modules/@types'), { recursive: true });
  for (const name of ['rxjs', '@types/node', 'undici-types'])
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name), 'junction');
  symlinkSync(root, join(project, 'node_modules/rx-parfor'), 'junction');
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  for (const { name, code } of files) {
    writeFileSync(join(project, name), code);
    const compilerOptions = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    writeFileSync(
      join(project, name.replace(/\.ts$/, '.js')),
      ts.transpileModule(code, { compilerOptions }).outputText,
    );
  }
});
test.after(() => rmSync(project, { recursive: true, force: true }));

test('the guide to executors has the files that it speaks of', () => {
  assert.equal(
    files.map(({ name }) => name),
    ['patientExecutor.ts', 'squares.ts', 'patientExecutor.test.ts', 'crashes.ts'],
  );
});

test('the guide to executors is free of type errors', () => {
  const program = ts.createProgram(
    files.map(({ name }) => join(project, name)),
    {
      strict: true,
      noEmit: true,
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      types: ['node'],
    },
  );
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  assert.equal(messages, []);
});

test('the programs of the guide to executors print what stands below them', () => {
  for (const { name, output } of files) {
    if (output === undefined) continue;
    const file = join(project, name.replace(/\.ts$/, '.js'));
    const env = { ...process.env, FORCE_COLOR: '0' };
    assert.is(execFileSync(process.execPath, [file], { cwd: project, encoding: 'utf8', env }), output, name);
  }
});

test('the executor of the guide passes the contract', () => {
  const file = join(project, 'patientExecutor.test.js');
  const { NODE_TEST_CONTEXT, ...env } = process.env;
  const out = execFileSync(process.execPath, ['--test', file], { cwd: project, encoding: 'utf8', env });
  assert.match(out, /# fail 0|fail 0/);
  assert.match(out, /pass (2\d)/);
});

test.run();
