import { execFile } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { transformSync } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { functionLocation } from '../../../lib/task/functionLocation.js';
import { locateFrames } from '../../../lib/task/locateFrames.js';
import { inFolder } from '../../contract/subject.js';
import { timed } from '../../support/deadline.js';
import { project } from '../../support/project.js';

const stacks = suite('the frames of shipped functions');
const it = timed(stacks);

const execute = promisify(execFile);

/** A program in TypeScript whose shipped function fails in line 9, and whose operator is called in line 13. */
const program = `
import { lastValueFrom, of } from 'rxjs';
import { parallelMap } from 'rx-parfor';

interface Far {
  away: number;
}
const fails = (x: number, _far?: Far): number => {
  if (x > 1) { const y: Far = { away: x }; throw new RangeError(\`bad \${y.away}\`); }
  return x;
};
const error = await lastValueFrom(
  of(2).pipe(parallelMap(fails)),
).catch(error => error);
console.log(JSON.stringify([error.stack, error.cause.stack]));
`;

/** Runs a program in a folder of its own, where this package is installed as it was built. */
const stacksOf = (files: Record<string, string>, args: readonly string[]): Promise<[string, string]> =>
  inFolder(async folder => {
    symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'), 'junction');
    const entry = new URL('../../../index.js', import.meta.url).href;
    for (const [name, text] of Object.entries(files))
      writeFileSync(join(folder, name), text.replace(/['"]rx-parfor['"]/, JSON.stringify(entry)));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    const { stdout } = await execute(process.execPath, [...args], { cwd: folder });
    return JSON.parse(stdout);
  });

it('a stack under tsx shows the lines of the TypeScript file', async () => {
  const tsx = join(project, 'node_modules/tsx/dist/cli.mjs');
  const [stack, cause] = await stacksOf({ 'main.ts': program }, [tsx, 'main.ts']);
  assert.match(stack, /main\.ts:13:\d+/);
  assert.not.match(cause, /runChunk/, 'none of the worker’s frames');
  assert.match(cause, /^RangeError: bad 2\n {4}at .*main\.ts:9:\d+\)?$/m);
});

it('a stack of a compiled file with a source map shows the lines of its source', async () => {
  const { code } = transformSync(program, {
    loader: 'ts',
    sourcemap: 'inline',
    sourcefile: 'main.ts',
    format: 'esm',
  });
  const [stack, cause] = await stacksOf({ 'main.js': `\n\n${code}`.trimStart() }, [
    '--enable-source-maps',
    'main.js',
  ]);
  assert.match(stack, /main\.ts:13:\d+/);
  assert.not.match(cause, /runChunk/, 'none of the worker’s frames');
  assert.match(cause, /^RangeError: bad 2\n {4}at .*main\.ts:9:\d+\)?$/m);
});

it('an import() in a shipped function of TypeScript finds TypeScript beside it', async () => {
  const importing = program.replace(
    'if (x > 1) {',
    "const { big } = (await import('./big.js')) as { big: number };\n  if (x > big) {",
  );
  const files = {
    'main.ts': importing.replace('(x: number, _far?: Far): number', 'async (x: number): Promise<number>'),
    'big.ts': 'export const big: number = 1;',
  };
  const [, cause] = await stacksOf(files, [join(project, 'node_modules/tsx/dist/cli.mjs'), 'main.ts']);
  assert.match(cause, /^RangeError: bad 2\n/);
});

it('a function’s place is that of its text, whatever its form', () => {
  const arrow = (x: number) => x;
  const named = function named(x: number) {
    return x;
  };
  const { method } = {
    async method(x: number) {
      return x;
    },
  };
  for (const run of [arrow, named, method]) {
    const { url, line, column } = functionLocation(run) ?? { url: '', line: 0, column: 0 };
    assert.is(url, import.meta.url);
    assert.ok(line > 60 && column >= 0);
  }
  assert.is(functionLocation(Math.sqrt), undefined, 'what is built in has none');
});

it('what is no error of a shipped function is left as it is', () => {
  const error = new Error('here');
  const { stack } = error;
  for (const thrown of [error, undefined, 'text', Object.freeze(new Error('frozen'))])
    locateFrames(thrown, () => 1);
  assert.is(error.stack, stack);
});

stacks.run();
