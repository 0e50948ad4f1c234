// The doc comment of every operator: its marbles are those of a spec and run as they stand, and so does its example.
import { inspect } from 'node:util';
import type { Observable, OperatorFunction } from 'rxjs';
import * as rxjs from 'rxjs';
import ts from 'typescript';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as library from '../../index.js';
import { modulesIn, sourceOf } from '../support/project.js';
import { type Helpers, inVirtualTime, promiseOf } from '../support/virtualTime.js';

interface Diagram {
  readonly source: string;
  /** The call of the operator, as JavaScript. */
  readonly call: string;
  /** What becomes of each input; the blanks before it are the time until it starts. */
  readonly tasks: Readonly<Record<string, string>>;
  readonly result: string;
  /** What letters stand for, as JavaScript. */
  readonly legend: Readonly<Record<string, string>>;
}

interface Doc {
  readonly name: string;
  readonly text: string;
  readonly diagrams: readonly Diagram[];
  readonly example: string;
}

function diagramOf(lines: readonly string[]): Diagram {
  const find = (pattern: RegExp) =>
    lines.flatMap(line => [pattern.exec(line)?.slice(1) ?? []].filter(found => found.length));
  const [[source = ''] = [], [result = ''] = []] = [
    find(/^source: {2}(.*)$/)[0],
    find(/^result: {2}(.*)$/)[0],
  ];
  const [[call = ''] = []] = find(/^ {9}(\w.*)$/);
  const tasks = Object.fromEntries(find(/^task (\w): {2}(.*)$/));
  const legend = Object.fromEntries(find(/^(\w): {2}(.*)$/));
  const known = 3 + Object.keys(tasks).length + Object.keys(legend).length;
  assert.is(
    lines.filter(line => line !== '').length,
    known,
    `every line is understood:\n${lines.join('\n')}`,
  );
  return { source, call, tasks, result, legend };
}

function docOf(module: string): Doc {
  const name = module.replace(/^.*\/(\w+)\.ts$/, '$1');
  const source = sourceOf(module);
  const [before = ''] = source.split(new RegExp(`^export function ${name}\\b`, 'm'));
  assert.match(before, /\*\/\n$/, `${name}: the doc comment stands on the first overload`);
  const text = before.slice(before.lastIndexOf('/**') + 4).replace(/^ \*(?: |$|\/\n$)/gm, '');
  const diagrams = [...text.matchAll(/^```text\n([\s\S]*?)^```$/gm)].map(([, lines = '']) =>
    diagramOf(lines.split('\n')),
  );
  const [, example = ''] = /^@example\n([\s\S]*?)^@/m.exec(text) ?? [];
  return { name, text, diagrams, example };
}

const docs = modulesIn('operators').map(docOf);

/** JavaScript of a doc comment, with what it may name. */
const evaluate = (code: string, scope: Record<string, unknown>): unknown =>
  new Function(...Object.keys(scope), `return (${code})`)(...Object.values(scope));

/** What letters stand for: themselves, where the legend does not say it. */
const valuesOf = ({ legend }: Diagram): Record<string, unknown> => ({
  ...Object.fromEntries([...'abcdABCD'].map(letter => [letter, letter])),
  ...Object.fromEntries(
    Object.entries(legend).map(([letter, code]) => [
      letter,
      evaluate(code, { TaskError: library.TaskError }),
    ]),
  ),
});

type Operator = (task: unknown, options?: object) => OperatorFunction<unknown, unknown>;
const operators = library as unknown as Readonly<Record<string, Operator>>;

/** For how long a chunk keeps its worker, and from when: ` --A|` is `-^--!`. */
function subscriptionOf(marble: string): string {
  const start = marble.length - marble.trimStart().length;
  const end = /(\([^)]*)?[|#]/.exec(marble)?.index ?? marble.length;
  return `${'-'.repeat(start)}^${'-'.repeat(end - start - 1)}!`;
}

/** The operator as the diagram calls it, on an executor of its marbles. */
function inParallel({ call, tasks }: Diagram, name: string, h: Helpers): OperatorFunction<unknown, unknown> {
  const executor = h.executorOf(2, tasks);
  executor.expectChunks(
    Object.fromEntries(Object.entries(tasks).map(([input, marble]) => [input, subscriptionOf(marble)])),
  );
  const run: Operator = (task, options) => operators[name]!(task, { ...options, executor });
  return evaluate(call, { [name]: run, task: () => undefined }) as ReturnType<Operator>;
}

/** The operator as the diagram calls it; its task returns promises, in virtual time, that are its marbles. */
function inThisThread(
  { call, tasks }: Diagram,
  name: string,
  h: Helpers,
): OperatorFunction<unknown, unknown> {
  const promises = Object.fromEntries(
    Object.entries(tasks).map(([input, marble]) => [input, h.cold(marble)]),
  );
  for (const [input, promise] of Object.entries(promises))
    h.expectSubscriptions(promise.subscriptions).toBe(subscriptionOf(tasks[input]!));
  const task = (input: string) => promiseOf(promises[input]!);
  return evaluate(call, { [name]: operators[name], task }) as ReturnType<Operator>;
}

/** A settled row as a diagram has it: the class of its reason stands for the reason. */
const shown = (row: unknown): unknown => {
  const { reason } = Object(row) as { reason?: Error };
  return reason instanceof Error ? { ...(row as object), reason: reason.constructor } : row;
};

test('every operator that is exported has a doc comment, and every operator is exported', () => {
  assert.equal(docs.map(({ name }) => name).sort(), [
    'parallelMap',
    'parallelMapSettled',
    'parfor',
    'serialMap',
    'toColumns',
  ]);
  for (const { name } of docs) assert.type(operators[name], 'function');
});

for (const { name, text, diagrams, example } of docs) {
  test(`${name}: begins with one sentence`, () => {
    const [summary = ''] = text.split('\n\n');
    assert.match(summary, /^[A-Z][\s\S]*[^.]\.$/);
    assert.not.match(summary.slice(0, -1), /\. |\.\n/);
  });

  test(`${name}: tells parameters, what is returned, what is thrown, and where the idea is from`, () => {
    for (const tag of ['@returns', '@see', '@example']) assert.match(text, `\n${tag}`);
    if (name === 'toColumns') return;
    for (const tag of ['@param task', '@param options', '@throws TypeError, RangeError'])
      assert.match(text, `\n${tag} `);
  });

  diagrams.forEach((diagram, nth) => {
    test(`${name}: diagram ${nth + 1} runs as it is drawn`, () =>
      inVirtualTime(h => {
        const values = valuesOf(diagram);
        const source: Observable<unknown> = h.cold(diagram.source, values);
        const operator = (name === 'serialMap' || name === 'toColumns' ? inThisThread : inParallel)(
          diagram,
          name,
          h,
        );
        h.expectObservable(source.pipe(operator, rxjs.map(shown))).toBe(diagram.result, values);
      }));

    test(`${name}: diagram ${nth + 1} is that of a spec`, () => {
      const specs = sourceOf(`spec/operators/${name}.spec.ts`).split(/^marbles\(/m);
      const drawn = [diagram.source, diagram.result, ...Object.values(diagram.tasks)].map(marble =>
        marble.trim(),
      );
      const found = specs.filter(spec =>
        drawn.every(marble => spec.includes(` ${marble}'`) || spec.includes(`'${marble}'`)),
      );
      assert.ok(found.length > 0, `no spec has all of ${drawn.join('  ')}`);
    });
  });

  test(`${name}: has a diagram`, () => assert.ok(diagrams.length > 0));

  test(`${name}: the example prints what stands below it`, async () => {
    const imports: Record<string, unknown> = {};
    const code = example.replace(/^import \{ (.*) \} from '(.*)';$/gm, (_, names: string, from: string) => {
      const module: Record<string, unknown> = { rxjs, 'rx-parfor': library }[from] ?? {};
      for (const name of names.split(', ')) {
        assert.ok(name in module, `${from} exports ${name}`);
        imports[name] = module[name];
      }
      return '';
    });
    const expected = [...example.matchAll(/^\/\/ (.*)$/gm)].map(([, line]) => line);
    assert.ok(expected.length > 0);
    const printed: string[] = [];
    const log = (...things: unknown[]) =>
      printed.push(things.map(thing => (typeof thing === 'string' ? thing : inspect(thing))).join(' '));
    const { outputText } = ts.transpileModule(code, { compilerOptions: { target: ts.ScriptTarget.ES2022 } });
    new Function('console', ...Object.keys(imports), outputText)({ log }, ...Object.values(imports));
    const end = Date.now() + 10_000;
    while (printed.length < expected.length && Date.now() < end)
      await new Promise(resolve => setTimeout(resolve, 5));
    assert.equal(printed, expected);
  });
}

test.run();
