import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Files by name. */
export type Files = Readonly<Record<string, string>>;

/** A project of a user, in a folder of its own beside the `node_modules` that all of them share. */
export interface UserProject {
  readonly name: string;
  /** As `package.json` has it; npm's default is none, which is CommonJS. */
  readonly type?: 'module' | 'commonjs' | undefined;
  readonly files: Files;
}

/** Writes a project below a folder, and returns its own. */
export function writeProject(folder: string, { name, type, files }: UserProject): string {
  const root = join(folder, name);
  mkdirSync(root);
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name, private: true, type }));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }
  return root;
}

/** What a program of Node writes; its errors as well, where it fails. */
export function outputOf(root: string, args: readonly string[], seconds = 60): Promise<string> {
  const { NODE_V8_COVERAGE, NODE_OPTIONS, FORCE_COLOR, ...env } = process.env;
  return new Promise(resolve => {
    const options = { cwd: root, env: { ...env, NO_COLOR: '1' }, timeout: seconds * 1000 };
    execFile(process.execPath, args, options, (error, stdout, stderr) =>
      resolve(stripVTControlCharacters(error ? `${error.message}\n${stdout}\n${stderr}` : stdout).trim()),
    );
  });
}

const rows = (power: number): number[] => Array.from({ length: 50 }, (_, x) => x ** power);

/** What a project writes: squares of a shipped function and cubes of a module's, on threads, then on processes. */
export const answer: string = JSON.stringify([rows(2), rows(3), rows(2), rows(3)]);

/** In a module of CommonJS, and in TypeScript that becomes one. */
export const commonJsMeta = "{ url: require('node:url').pathToFileURL(__filename) }";

/** In a bundle, `import.meta` is that of the bundle: the task names the file that a worker is to import. */
export const bundleMeta = "{ url: new URL('./cube.js', import.meta.url) }";

/** The same where the bundle is CommonJS. */
export const commonJsBundleMeta = "{ url: require('node:url').pathToFileURL(__dirname + '/cube.js') }";

// `power` is what a function that is shipped could not see.
const cube = {
  js: (meta: string) =>
    `import { task } from 'rx-parfor/task';
    const power = 3;
    export const cube = task(${meta}, 'cube', x => x ** power);`,
  ts: (meta: string) =>
    `import { task } from 'rx-parfor/task';
    import { one } from './one.js';
    enum Power { three = 3 }
    export const cube = task(${meta}, 'cube', (x: number): number => x ** (Power.three * one));`,
};

/** One program, in both languages: types are put in where the marks are. */
const both = (type: (text: string) => string): string =>
  `import { parallelMap, processes${type(', type MapOptions')} } from 'rx-parfor';
  import { lastValueFrom, range, toArray } from 'rxjs';
  import { cube } from './cube.js';
  const all = (task${type(': (x: number) => number')}, options${type(': MapOptions')} = {}) =>
    lastValueFrom(range(0, 50).pipe(parallelMap(task, options), toArray()));
  const square = (x${type(': number')}) => x * x;
  export async function answer()${type(': Promise<string>')} {
    const executor = processes({ maxThreads: 1 });
    try {
      const threads = [await all(square), await all(cube)];
      return JSON.stringify([...threads, await all(square, { executor }), await all(cube, { executor })]);
    } finally {
      await executor.close();
    }
  }`;

/** The program's own file, which runs all. */
const main = "import { answer } from './both.js';\nanswer().then(console.log);";

/** A project of one language, with imports and exports; `meta` is what its task has of its module. */
export const sources = (language: 'js' | 'ts', meta = 'import.meta'): Files => ({
  [`cube.${language}`]: cube[language](meta),
  [`both.${language}`]: both(text => (language === 'ts' ? text : '')),
  [`main.${language}`]: main,
  ...(language === 'ts' && { 'one.ts': 'export const one: number = 1;' }),
});

/** The same files, changed. */
export const changed = (files: Files, change: (text: string) => string): Files =>
  Object.fromEntries(Object.entries(files).map(([name, text]) => [name, change(text)]));

/** Imports without an extension, as loaders of CommonJS want them. */
export const withoutExtensions = (files: Files): Files =>
  changed(files, text => text.replace(/'(\.\/\w+)\.js'/g, "'$1'"));

/** A project that requires. */
export const requiring: Files = {
  'cube.js': `const { task } = require('rx-parfor/task');
    const power = 3;
    exports.cube = task(${commonJsMeta}, 'cube', x => x ** power);`,
  'both.js': both(() => '')
    .replace(/import (\{.*\}) from ('.*');/g, 'const $1 = require($2);')
    .replace('export async function', 'exports.answer = async function'),
  'main.js': main.replace(/import (\{.*\}) from ('.*');/g, 'const $1 = require($2);'),
};
