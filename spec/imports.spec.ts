import { posix } from 'node:path';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { modulesIn, sourceOf } from './support/project.js';

// The order of the rooms: CONTRIBUTING.md says what each is for.

interface Import {
  /** A module of this project as its path, anything else as it is written. */
  readonly to: string;
  /** Whether the compiler leaves it in: `import { type A }` is one, `import type { A }` is not. */
  readonly atRunTime: boolean;
}

/** All that a module imports and re-exports. */
function importsOf(module: string, text: string): Import[] {
  const imports: Import[] = [];
  const add = (specifier: ts.Node | undefined, atRunTime: boolean) => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const to = specifier.text.startsWith('.')
      ? posix.join(posix.dirname(module), specifier.text).replace(/\.js$/, '.ts')
      : specifier.text;
    imports.push({ to, atRunTime });
  };
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node))
      add(node.moduleSpecifier, node.importClause?.phaseModifier !== ts.SyntaxKind.TypeKeyword);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, !node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, false);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], true);
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(module, text, ts.ScriptTarget.Latest));
  return imports;
}

const modules = ['index.ts', ...modulesIn('operators'), ...modulesIn('lib')];
const graph = new Map(modules.map(module => [module, importsOf(module, sourceOf(module))]));

/** Every import of the project that a rule forbids, in words. */
const offences = (rule: (from: string, to: string, atRunTime: boolean) => boolean): string[] =>
  [...graph].flatMap(([from, imports]) =>
    imports.filter(({ to, atRunTime }) => rule(from, to, atRunTime)).map(({ to }) => `${from} imports ${to}`),
  );

/** All that a module loads when it is run: modules and packages. */
function loadedBy(module: string): string[] {
  const loaded = new Set([module]);
  for (const from of loaded)
    for (const { to, atRunTime } of graph.get(from) ?? []) if (atRunTime) loaded.add(to);
  return [...loaded];
}

const isOwn = (to: string) => modules.includes(to);
const isIn =
  (...folders: string[]) =>
  (path: string) =>
    folders.some(folder => path.startsWith(`${folder}/`));
const isLib = isIn('lib');
const isExecutor = isIn('lib/executors');

/** The rooms from the door down: a module imports of its own room and of those below, type imports included. */
const order: readonly (readonly string[])[] = [
  ['index.ts', 'lib/testing'],
  ['operators'],
  ['lib/dispatch'],
  ['lib/sources', 'lib/executors'],
  ['lib/options'],
  ['lib/executor.ts', 'lib/worker'],
  ['lib/columns', 'lib/task'],
  ['lib/serialization'],
  ['lib/progress', 'lib/queues'],
  ['lib/errors.ts', 'lib/protocol', 'lib/runtime'],
];

const rooms = order.flat();
const levels = new Map(order.flatMap((level, i) => level.map(room => [room, i] as const)));
const roomOf = (module: string): string =>
  rooms.find(room => module === room || module.startsWith(`${room}/`)) ?? 'no room';

/** Which side of Redis a file of the cluster is on: the client and the worker know each other by messages only. */
const sides = ['client', 'worker', 'redis', 'protocol'] as const;
const sideOf = (module: string) => sides.find(side => module.startsWith(`lib/executors/cluster/${side}/`));

test('what an import is: the reader of this spec sees every kind', () => {
  const text = `
    import a from './a.js';
    import { type B } from '../b.js';
    import type { C } from './c.js';
    import 'd';
    export { e } from './e.js';
    export type { F } from './f.js';
    type G = import('node:g').G;
    const h = await import('./h.js');
    const i = "import j from './j.js'"; // import k from './k.js'
  `;
  assert.equal(importsOf('lib/x.ts', text), [
    { to: 'lib/a.ts', atRunTime: true },
    { to: 'b.ts', atRunTime: true },
    { to: 'lib/c.ts', atRunTime: false },
    { to: 'd', atRunTime: true },
    { to: 'lib/e.ts', atRunTime: true },
    { to: 'lib/f.ts', atRunTime: false },
    { to: 'node:g', atRunTime: false },
    { to: 'lib/h.ts', atRunTime: true },
  ]);
});

test('every module that is imported is there', () => {
  const missing = offences((_, to) => to.endsWith('.ts') && !isOwn(to));
  assert.equal(missing, []);
  assert.ok(modules.length > 30, 'and all of them were read');
});

test('every module is in a room of the order', () => {
  assert.equal(
    modules.filter(module => roomOf(module) === 'no room'),
    [],
  );
});

test('a module imports its own room and those below it, type imports included', () => {
  const upwards = offences((from, to) => {
    if (!isOwn(to) || roomOf(from) === roomOf(to)) return false;
    return (levels.get(roomOf(to)) as number) <= (levels.get(roomOf(from)) as number);
  });
  assert.equal(upwards, []);
});

test('an operator imports no other operator, and no package but rxjs', () => {
  assert.equal(
    offences((from, to) => isIn('operators')(from) && !isLib(to) && to !== 'rxjs'),
    [],
  );
});

test('errors.ts and protocol/ import nothing but each other’s types and types of Node’s', () => {
  assert.equal(
    offences(from => from === 'lib/errors.ts'),
    [],
  );
  assert.equal(
    offences(
      (from, to, atRunTime) =>
        isIn('lib/protocol')(from) && (atRunTime || !(isIn('lib/protocol')(to) || to.startsWith('node:'))),
    ),
    [],
  );
});

test('of the cluster, client and worker import neither each other nor the door', () => {
  assert.equal(
    offences((from, to) => {
      const [side, other] = [sideOf(from), sideOf(to)];
      if (side === undefined) return false;
      if (to === 'lib/executors/cluster/index.ts') return true;
      if (side === 'protocol') return other !== undefined && other !== 'protocol';
      if (side === 'redis') return other === 'client' || other === 'worker';
      return other === 'client' || other === 'worker' ? other !== side : false;
    }),
    [],
  );
});

test('outside of executors/ only the default executor and inline are named, each once', () => {
  assert.equal(
    offences((from, to) => from !== 'index.ts' && !isExecutor(from) && isExecutor(to)),
    [
      'operators/serialMap.ts imports lib/executors/inline.ts',
      'lib/dispatch/runTask.ts imports lib/executors/executorOfRun.ts',
    ],
  );
});

test('the dispatcher loads no clock but that of RxJS', () => {
  const loaded = loadedBy('lib/dispatch/dispatcher.ts');
  assert.equal(
    loaded.filter(to => isExecutor(to) || to.startsWith('node:timers')),
    [],
  );
});

test('workers load neither rxjs nor tinypool, nor does a module of tasks', () => {
  for (const entry of ['lib/worker/entry.ts', 'lib/task/entry.ts']) {
    const loaded = loadedBy(entry);
    assert.ok(loaded.length > 2, `${entry} is there`);
    assert.equal(
      loaded.filter(to => !isOwn(to) && !to.startsWith('node:')),
      [],
      entry,
    );
  }
});

test('index loads rxjs, tinypool and Node: what else there is has an entry of its own', () => {
  const packages = loadedBy('index.ts').filter(to => !isOwn(to) && !to.startsWith('node:'));
  assert.equal(packages.sort(), ['rxjs', 'tinypool']);
  assert.equal(loadedBy('index.ts').filter(isIn('lib/executors/cluster', 'lib/worker')), []);
});

/** The package of a path: `rxjs` of `rxjs/testing`. */
const packageOf = (path: string): string => path.split('/', path.startsWith('@') ? 2 : 1).join('/');

test('packages that are imported are dependencies', () => {
  const { dependencies, peerDependencies } = JSON.parse(sourceOf('package.json'));
  const known = Object.keys({ ...dependencies, ...peerDependencies });
  assert.equal(
    offences((_, to) => !isOwn(to) && !to.startsWith('node:') && !known.includes(packageOf(to))),
    [],
  );
});

test('no module imports itself in the end, type imports included', () => {
  const cycles: string[] = [];
  const done = new Set<string>();
  const visit = (module: string, path: readonly string[]) => {
    if (path.includes(module)) cycles.push([...path.slice(path.indexOf(module)), module].join(' → '));
    if (path.includes(module) || done.has(module)) return;
    for (const { to } of graph.get(module) ?? []) visit(to, [...path, module]);
    done.add(module);
  };
  for (const module of modules) visit(module, []);
  assert.equal(cycles, []);
});

test.run();
