// What an editor says about wrong programs: one message for one mistake, and at the mistake.
import { join } from 'node:path';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from '../support/project.js';

interface Mistake {
  /** A sentence that says what is wrong. */
  readonly title: string;
  /** The program, behind the imports and `numbers`, `letters`, `pairs`. */
  readonly program: string;
  /** The text that the message stands at. */
  readonly at: string;
  readonly message: RegExp;
}

const imports = `
  import { from, of, range } from 'rxjs';
  import { grid, inline, type MapOptions, parallelMap, parallelMapSettled, parfor, registerClass, serialMap, task } from 'rx-parfor';
  const numbers = range(0, 3);
  const letters = from(['a', 'b']);
  const pairs = of<[number, string][]>([1, 'a']);
  class Qobj { constructor(readonly data: Float64Array) {} }
  export {};`;

const tooFew = /Target signature provides too few arguments/;
const noRoom = /is not assignable to type '(undefined|never)'/;
const noFunction = /a row of parfor cannot hold functions/;

const mistakes: readonly Mistake[] = [
  {
    title: 'a task takes another type than the source has',
    program: 'letters.pipe(parallelMap((x: number) => x));',
    at: '(x: number) => x',
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'a task takes another type than the source has, and there are options',
    program: 'letters.pipe(parallelMap((x: number) => x, { concurrency: 2 }));',
    at: '(x: number) => x',
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'a task uses what its input has not',
    program: 'numbers.pipe(parallelMap(x => x.length));',
    at: 'length',
    message: /'length' does not exist on type 'number'/,
  },
  {
    title: 'an option is misspelt',
    program: 'numbers.pipe(parallelMap(x => x, { concurency: 3 }));',
    at: 'concurency',
    message: /Did you mean to write 'concurrency'/,
  },
  {
    title: 'an option of MapOptions is misspelt',
    program: 'const options: MapOptions = { concurency: 3 };',
    at: 'concurency',
    message: /Did you mean to write 'concurrency'/,
  },
  {
    title: 'an option is of the wrong type',
    program: "numbers.pipe(parallelMap(x => x, { concurrency: '3' }));",
    at: 'concurrency',
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'an option has a value that it does not accept',
    program: "numbers.pipe(parallelMap((x: number) => x, { chunk: 'all' }));",
    at: 'chunk',
    message: /'"all"' is not assignable to type 'number \| "auto"/,
  },
  {
    title: 'a task needs args',
    program: 'numbers.pipe(parallelMap((x: number, y: number) => x + y));',
    at: '(x: number, y: number) => x + y',
    message: tooFew,
  },
  {
    title: 'a task needs args, and MapOptions does not say that they are given',
    program:
      'const options: MapOptions = {}; numbers.pipe(parallelMap((x: number, y: number) => x + y, options));',
    at: '(x: number, y: number) => x + y',
    message: tooFew,
  },
  {
    title: 'a task needs kwargs',
    program: 'numbers.pipe(parallelMap((x: number, { z }: { z: number }) => x + z, { concurrency: 2 }));',
    at: '(x: number, { z }: { z: number }) => x + z',
    message: tooFew,
  },
  {
    title: 'a task of parallelMap without types needs args',
    program: 'numbers.pipe(parallelMap((x, y) => x + y));',
    at: '(x, y) => x + y',
    message: tooFew,
  },
  {
    title: 'a task of serialMap without types needs args',
    program: 'numbers.pipe(serialMap((x, y) => x + y));',
    at: '(x, y) => x + y',
    message: tooFew,
  },
  {
    title: 'a task of parallelMapSettled without types needs args',
    program: 'numbers.pipe(parallelMapSettled((x, y) => x + y));',
    at: '(x, y) => x + y',
    message: tooFew,
  },
  {
    title: 'a task of parfor without types needs args',
    program: 'numbers.pipe(parfor((x, y) => x + y));',
    at: '(x, y) => x + y',
    message: tooFew,
  },
  {
    title: 'a task without types needs kwargs',
    program: 'numbers.pipe(parallelMap((x, { z }) => x + z, { concurrency: 2 }));',
    at: '(x, { z }) => x + z',
    message: tooFew,
  },
  {
    title: 'a task without types needs kwargs behind args',
    program: 'numbers.pipe(parallelMap((x, y, { z }) => x + y + z, { args: [1] }));',
    at: '(x, y, { z }) => x + y + z',
    message: tooFew,
  },
  {
    title: 'an async task without types needs args',
    program: 'numbers.pipe(parallelMap(async (x, y) => x + y));',
    at: 'async (x, y) => x + y',
    message: tooFew,
  },
  {
    title: 'a task without types takes a tuple that is not spread',
    program: 'pairs.pipe(parallelMap((n, s) => n + s.length));',
    at: '(n, s) => n + s.length',
    message: tooFew,
  },
  {
    title: 'a task without types takes more than a tuple has',
    program: 'pairs.pipe(parallelMap((n, s, t) => [n, s, t], { spread: true }));',
    at: '(n, s, t) => [n, s, t]',
    message: tooFew,
  },
  {
    title: 'kwargs that are no object',
    program: 'numbers.pipe(parallelMap((x, y) => x + y, { kwargs: 3 }));',
    at: 'kwargs',
    message: /'number' is not assignable to type 'Kwargs/,
  },
  {
    title: 'kwargs that are no object for a task with types',
    program: 'numbers.pipe(parallelMap((x: number, { z }: { z: number }) => x + z, { kwargs: 3 }));',
    at: 'kwargs',
    message: /'number' is not assignable to type '{ z: number; }'/,
  },
  {
    title: 'args that are no array for a task that takes some',
    program: 'numbers.pipe(parallelMap((x: number, y: number) => x + y, { args: 3 }));',
    at: 'args',
    message: /'number' is not assignable to type 'Args/,
  },
  {
    title: 'args that are no array for a task without types',
    program: 'numbers.pipe(parallelMap((x, y) => x + y, { args: 3 }));',
    at: 'args',
    message: /'number' is not assignable to type 'readonly unknown/,
  },
  {
    title: 'the name of a module is a task',
    program: "numbers.pipe(parallelMap('./task.js', { concurrency: 2 }));",
    at: "'./task.js'",
    message: /'string' is not assignable to parameter/,
  },
  {
    title: 'an executor is not called',
    program: 'numbers.pipe(parallelMap(x => x, { executor: inline }));',
    at: 'inline',
    message: /is not assignable to type 'Executor'/,
  },
  {
    title: 'an executor stands for the options',
    program: 'numbers.pipe(parallelMap(x => x, inline()));',
    at: 'inline()',
    message: /is not assignable to parameter of type 'MapOptions/,
  },
  {
    title: 'a row of an async task is used as its promise',
    program: 'numbers.pipe(parallelMap(async x => x)).subscribe(row => row.then);',
    at: 'then',
    message: /'then' does not exist on type 'number'/,
  },
  {
    title: 'an option of retry is misspelt',
    program: 'numbers.pipe(parallelMap(x => x, { retry: { count: 3, dleay: 3 } }));',
    at: 'dleay',
    message: /Did you mean to write 'delay'/,
  },
  {
    title: 'an argument is of the wrong type',
    program: "numbers.pipe(parallelMap((x: number, y: number) => x + y, { args: ['y'] }));",
    at: "'y'",
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'an argument of a built-in function is of the wrong type',
    program: "numbers.pipe(parallelMap(Math.max, { args: [1, 'y'] }));",
    at: "'y'",
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'an argument too few',
    program: 'numbers.pipe(parallelMap((x: number, y: number, z: number) => x + y + z, { args: [1] }));',
    at: '(x: number, y: number, z: number) => x + y + z',
    message: tooFew,
  },
  {
    title: 'an argument too many',
    program: 'numbers.pipe(parallelMap((x: number, y: number) => x + y, { args: [1, 2] }));',
    at: '2',
    message: noRoom,
  },
  {
    title: 'an argument too many for a task without types',
    program: 'numbers.pipe(parallelMap((x, y) => x + y, { args: [1, 2] }));',
    at: '2',
    message: noRoom,
  },
  {
    title: 'args that no parameter takes',
    program: 'numbers.pipe(parallelMap(x => x, { args: [1] }));',
    at: '1',
    message: noRoom,
  },
  {
    title: 'args that no parameter of a built-in function takes',
    program: 'numbers.pipe(serialMap(Math.sqrt, { args: [1] }));',
    at: '1',
    message: noRoom,
  },
  {
    title: 'args that no parameter takes behind a tuple',
    program: 'pairs.pipe(parallelMap((n, s) => [n, s], { spread: true, args: [1] }));',
    at: '1',
    message: noRoom,
  },
  {
    title: 'args that are no array',
    program: 'numbers.pipe(parallelMap(x => x, { args: 3 }));',
    at: 'args',
    message: /'number' is not assignable to type 'readonly/,
  },
  {
    title: 'kwargs that no parameter takes',
    program: 'numbers.pipe(parfor(x => x, { kwargs: { z: 1 } }));',
    at: 'kwargs',
    message: noRoom,
  },
  {
    title: 'kwargs that no parameter takes behind args',
    program: 'numbers.pipe(parallelMap((x, y) => x + y, { args: [1], kwargs: { z: 1 } }));',
    at: 'kwargs',
    message: noRoom,
  },
  {
    title: 'kwargs lack a key',
    program:
      'numbers.pipe(parallelMap((x: number, { y, z }: { y: number; z: number }) => x + y + z, { kwargs: { z: 1 } }));',
    at: 'kwargs',
    message: /Property 'y' is missing/,
  },
  {
    title: 'kwargs lack a key that a task without types uses',
    program: 'numbers.pipe(parallelMap((x, { z }) => x + z, { kwargs: { y: 1 } }));',
    at: 'z',
    message: /Property 'z' does not exist/,
  },
  {
    title: 'a key of kwargs is of the wrong type',
    program: "numbers.pipe(parallelMap((x: number, { z }: { z: number }) => x + z, { kwargs: { z: 'z' } }));",
    at: 'z',
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'a key of kwargs that the task does not know',
    program:
      'numbers.pipe(parallelMap((x: number, { z = 0 }: { z?: number } = {}) => x + z, { kwargs: { z: 1, zz: 1 } }));',
    at: 'zz',
    message: /'zz' does not exist in type/,
  },
  {
    title: 'inputs that are no tuples are spread',
    program: 'numbers.pipe(parallelMap(x => x, { spread: true }));',
    at: 'spread',
    message: /'true' is not assignable to type 'false'/,
  },
  {
    title: 'a tuple is not spread',
    program: 'pairs.pipe(parallelMap((n: number, s: string) => [s, n]));',
    at: '(n: number, s: string) => [s, n]',
    message: tooFew,
  },
  {
    title: 'a tuple has another type at that place',
    program: 'pairs.pipe(parallelMap((n: number, m: number) => n + m, { spread: true }));',
    at: '(n: number, m: number) => n + m',
    message: /'string' is not assignable to type 'number'/,
  },
  {
    title: 'something else than a function is a task',
    program: 'numbers.pipe(parallelMap(3, { concurrency: 1 }));',
    at: '3',
    message: /'number' is not assignable to parameter/,
  },
  {
    title: 'an option that parallelMapSettled does not take',
    program: 'numbers.pipe(parallelMapSettled(x => x, { failFast: false }));',
    at: 'failFast',
    message: /'failFast' does not exist in type 'SettledOptions/,
  },
  {
    title: 'a tuple of parfor holds a function',
    program: 'numbers.pipe(parfor(x => [x, () => x]));',
    at: '() => x',
    message: noFunction,
  },
  {
    title: 'a record of parfor holds a function',
    program: 'numbers.pipe(parfor(x => ({ x, root: Math.sqrt })));',
    at: 'root',
    message: noFunction,
  },
  {
    title: 'a record of parfor holds a method',
    program: 'numbers.pipe(parfor((x: number) => ({ x, root() { return Math.sqrt(x); } })));',
    at: '(x: number) => ({ x, root() { return Math.sqrt(x); } })',
    message: noFunction,
  },
  {
    title: 'a record that a task of parfor promises holds a function',
    program: 'numbers.pipe(parfor(async x => ({ x, root: Math.sqrt })));',
    at: '({ x, root: Math.sqrt })',
    message: noFunction,
  },
  {
    title: 'a row of parfor is a function',
    program: 'numbers.pipe(parfor(x => () => x));',
    at: '() => x',
    message: noFunction,
  },
  {
    title: 'a parameter of a task of a module has no type',
    program: "export const twice = task(import.meta, 'twice', x => 2 * x);",
    at: 'x',
    message: /Parameter 'x' implicitly has an 'any' type/,
  },
  {
    title: 'a part of a parameter of a task of a module has no type',
    program: "export const sum = task(import.meta, 'sum', (x: number, { z }) => x + z);",
    at: 'z',
    message: /Binding element 'z' implicitly has an 'any' type/,
  },
  {
    title: 'a task of a module lacks its name',
    program: 'export const twice = task(import.meta, (x: number) => 2 * x);',
    at: 'task',
    message: /Expected 3 arguments, but got 2/,
  },
  {
    title: 'a class is a task of a module',
    program: "task(import.meta, 'Qobj', Qobj);",
    at: 'Qobj',
    message: /is not assignable to parameter of type 'Task'/,
  },
  {
    title: 'a codec reads what the class has not',
    program: 'registerClass(Qobj, { encode: q => q.date, decode: () => new Qobj(new Float64Array(1)) });',
    at: 'date',
    message: /'date' does not exist on type 'Qobj'/,
  },
  {
    title: 'a codec decodes another type than it encodes',
    program: 'registerClass(Qobj, { encode: q => q.data.length, decode: data => new Qobj(data) });',
    at: 'data',
    message: /'number' is not assignable to parameter of type 'Float64Array/,
  },
  {
    title: 'a function is registered as a class',
    program: 'registerClass((x: number) => x, { encode: () => 1, decode: () => 1 });',
    at: '(x: number) => x',
    message: /is not assignable to parameter/,
  },
  {
    title: 'an axis of a grid is no iterable',
    program: 'grid({ x: 3 });',
    at: 'x',
    message: /'number' is not assignable to type 'Axis/,
  },
];

/** The programs are files of the project in memory only, in a folder that resolves `rx-parfor` as users do. */
const folder = join(project, 'spec', 'types');
const fileOf = (index: number) => join(folder, `mistake-${index}.ts`);
const textOf = ({ program }: Mistake) => `${imports}\n${program}\n`;

/** A program of TypeScript over files in memory. */
function programOf(files: ReadonlyMap<string, string>, options: ts.CompilerOptions): ts.Program {
  const settings: ts.CompilerOptions = { noEmit: true, strict: true, types: ['node'], ...options };
  const host = ts.createCompilerHost(settings);
  const { fileExists, readFile, getSourceFile } = host;
  host.getCurrentDirectory = () => project;
  host.fileExists = name => files.has(name) || fileExists(name);
  host.readFile = name => files.get(name) ?? readFile(name);
  host.getSourceFile = (name, version, ...others) => {
    const text = files.get(name);
    return text === undefined
      ? getSourceFile(name, version, ...others)
      : ts.createSourceFile(name, text, version);
  };
  return ts.createProgram([...files.keys()], settings, host);
}

let diagnostics: ReadonlyMap<string, readonly ts.Diagnostic[]>;

test.before(() => {
  const files = new Map(mistakes.map((mistake, index) => [fileOf(index), textOf(mistake)]));
  const program = programOf(files, {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
  });
  diagnostics = new Map(
    [...files.keys()].map(file => [file, ts.getPreEmitDiagnostics(program, program.getSourceFile(file))]),
  );
});

for (const [index, mistake] of mistakes.entries())
  test(`one message, where it is: ${mistake.title}`, () => {
    const found = diagnostics.get(fileOf(index)) ?? [];
    const texts = found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    assert.is(found.length, 1, texts.join('\n\n'));
    const [{ start = 0, length = 0 }] = found as [ts.Diagnostic];
    assert.is(textOf(mistake).slice(start, start + length), mistake.at, texts[0]);
    assert.match(texts[0] as string, mistake.message);
    assert.is(/readonly unknown\[\]\)/.test(texts[0] as string), false, 'nothing of another overload');
  });

test('an editor shows the type of a task of a module without any', () => {
  const file = join(folder, 'hover.ts');
  const text = `${imports}\nexport const sum = task(import.meta, 'sum', (x: number, y = 3) => x + y);`;
  const program = programOf(new Map([[file, text]]), {
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file) as ts.SourceFile;
  const [sum] = checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol);
  assert.is(
    checker.typeToString(checker.getTypeOfSymbol(sum as ts.Symbol)),
    '(x: number, y?: number) => number',
  );
});

// What @types/node does not bring along, the declarations name themselves.
for (const target of ['ES2018', 'ES2020', 'ES2022'] as const)
  test(`the declarations compile without skipLibCheck for ${target}`, () => {
    const file = join(folder, 'all.ts');
    const text = ['', '/task', '/bullmq', '/testing', '/worker']
      .map(entry => `import 'rx-parfor${entry}';`)
      .join('\n');
    const program = programOf(new Map([[file, text]]), {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget[target],
      skipLibCheck: false,
    });
    assert.equal(
      ts
        .getPreEmitDiagnostics(program)
        .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
      [],
    );
  });

test.run();
