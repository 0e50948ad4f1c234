// Every code block of the README is type-checked, and run where an output follows it, as a user would type it.
import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { from, lastValueFrom, mergeMap, toArray } from 'rxjs';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as library from '../index.js';

const root = dirname(createRequire(import.meta.url).resolve('rx-parfor/package.json'));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const readme = read('README.md');
const manifest = JSON.parse(read('package.json'));

interface Block {
  readonly line: number;
  readonly language: string;
  readonly code: string;
  /** The file that it is: named by a comment in its first line, or by its place. */
  readonly file: string;
  /** The text block that follows it. */
  output?: string;
}

const blocks: Block[] = [];
for (const { index, 1: language = '', 2: code = '' } of readme.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)) {
  const line = readme.slice(0, index).split('\n').length;
  const previous = blocks.at(-1);
  if (language !== 'text') {
    const named = /^\/\/ (\S+\.[jt]s)\n/.exec(code)?.[1];
    blocks.push({ line, language, code, file: named ?? `line-${line}.${language}` });
  } else if (previous && previous.output === undefined) previous.output = code;
  else throw new Error(`README.md:${line}: this output belongs to no block`);
}
const of = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));
const programs = of('ts', 'js');
const runnable = programs.filter(({ output }) => output !== undefined);

/** A user's project, with this package in its node_modules. */
let project = '';
const outputs = new Map<Block, string>();

test.before(async () => {
  project = mkdtempSync(join(tmpdir(), 'rx-parfor-readme-'));
  mkdirSync(join(project, 'node_modules'));
  symlinkSync(root, join(project, 'node_modules/rx-parfor'), 'junction');
  symlinkSync(join(root, 'node_modules/rxjs'), join(project, 'node_modules/rxjs'), 'junction');
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  for (const { file, code } of programs) {
    writeFileSync(join(project, file), code);
    const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const js = ts.transpileModule(code, { compilerOptions: options }).outputText;
    writeFileSync(join(project, file.replace(/\.ts$/, '.js')), js);
  }
  const run = (block: Block) =>
    new Promise<void>(resolve => {
      const args = [block.file.replace(/\.ts$/, '.js')];
      const options = { cwd: project, timeout: 20_000, env: { ...process.env, FORCE_COLOR: '0' } };
      execFile(process.execPath, args, options, (error, stdout, stderr) => {
        outputs.set(block, error ? `${stdout}\n${error.message}\n${stderr}` : stdout);
        resolve();
      });
    });
  await lastValueFrom(from(runnable).pipe(mergeMap(run, availableParallelism()), toArray()));
});

test.after(() => rmSync(project, { recursive: true, force: true }));

test('every block is of a language that is checked here', () => {
  for (const { language, line } of blocks)
    assert.ok(
      ['ts', 'js', 'sh', 'json'].includes(language),
      `README.md:${line}: ${language || 'no language'}`,
    );
  assert.ok(runnable.length > 10, 'blocks were found');
  assert.is(
    new Set(programs.map(({ file }) => file)).size,
    programs.length,
    'two blocks have the same file name',
  );
});

test('every program passes a strict type check, the types of this package included', () => {
  const host = {
    getCanonicalFileName: (file: string) => file,
    getCurrentDirectory: () => project,
    getNewLine: () => '\n',
  };
  const files = programs.map(({ file }) => join(project, file));
  const program = ts.createProgram(files, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2023,
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    allowJs: true,
    checkJs: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
  });
  assert.is(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host), '');
});

for (const block of runnable)
  test(`line ${block.line} prints what stands below it`, () => assert.is(outputs.get(block), block.output));

test('every shell command is one that works here', () => {
  for (const { code, line } of of('sh'))
    for (const command of code.trim().split(/\n| && /)) {
      const [program, verb = '', ...rest] = command.split(' ');
      const where = `README.md:${line}: ${command}`;
      const source = verb.replace(/^dist\/(.*)\.js$/, '$1.ts');
      if (program === 'node' && existsSync(join(root, source))) continue;
      assert.is(program, 'npm', where);
      if (verb === 'ci') assert.ok(existsSync(join(root, 'package-lock.json')), where);
      else if (verb === 'install')
        assert.equal(
          rest,
          [
            manifest.name,
            ...Object.keys(manifest.peerDependencies).filter(
              peer => !(peer in manifest.peerDependenciesMeta),
            ),
          ],
          where,
        );
      else assert.type(manifest.scripts[verb === 'run' ? (rest[0] as string) : verb], 'string', where);
    }
});

test('.ci/run calls the command that the README gives for the tests', () => {
  const command =
    of('sh')
      .find(({ code }) => code.includes('npm test'))
      ?.code.trim() ?? '';
  // There each command is a part, whose time is told.
  assert.ok(read('.ci/run').replaceAll('part ', '').includes(command), command);
});

test('every JSON block parses', () => {
  for (const { code } of of('json')) JSON.parse(code);
});

test('every link into the project has its file or heading', () => {
  const anchors = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} -]/gu, '')
      .replaceAll(' ', '-'),
  );
  for (const [, target = ''] of readme.matchAll(/\]\(([^)]+)\)/g)) {
    if (/^https:/.test(target)) continue;
    const found = target.startsWith('#') ? anchors.includes(target.slice(1)) : existsSync(join(root, target));
    assert.ok(found, target);
  }
});

test('the table of options has every option, and nothing else', () => {
  const [, section = ''] = /^## Options\n([\s\S]*?)^## /m.exec(readme) ?? [];
  const named = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell = '']) =>
    cell.replaceAll('`', '').trim().split(', '),
  );
  let options = '';
  try {
    library.parallelMap((x: unknown) => x, { unknown: true } as object);
  } catch (error) {
    options = /the options are (.*)$/.exec(String(error))?.[1] ?? '';
  }
  assert.equal(named.sort(), options.split(', ').sort());
});

test('every name that the package exports is in the README', () => {
  for (const name of Object.keys(library)) assert.ok(new RegExp(`\\b${name}\\b`).test(readme), name);
});

test.run();
