import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Task, task } from '../../../lib/task/task.js';
import { taskReference } from '../../../lib/task/taskReference.js';

const it = suite('task');

const meta = { url: 'file:///work/model.js' };

it('gives back the very function', () => {
  const run = (x: number) => x + 1;
  const marked = task(meta, 'run', run);
  assert.is(marked, run);
  assert.is(marked(1), 2);
  assert.equal(Object.keys(marked), [], 'with nothing that shows');
});

it('remembers its module and its name', () => {
  assert.equal(taskReference(task(meta, 'run', () => 1)), { kind: 'module', url: meta.url, name: 'run' });
  assert.equal(taskReference(task(import.meta, 'here', () => 1)), {
    kind: 'module',
    url: import.meta.url,
    name: 'here',
  });
  assert.equal(taskReference(task({ url: new URL(meta.url) }, 'run', () => 1)), {
    kind: 'module',
    url: meta.url,
    name: 'run',
  });
});

it('marks any function: a module is imported, so its source does not matter', () => {
  for (const run of [Math.cbrt, (() => 1).bind(null), class {} as unknown as Task])
    assert.is(taskReference(task(meta, 'run', run)).kind, 'module');
  assert.is(
    taskReference(task({ url: 'file:///other.js' }, 'run', Math.cbrt)).name,
    'run',
    'and the last mark counts',
  );
});

it('refuses what is no module, no name and no function', () => {
  const wrong = task as (...all: unknown[]) => unknown;
  for (const bad of [undefined, null, {}, { url: '' }, { url: 5 }, 'file:///work/model.js'])
    assert.throws(() => wrong(bad, 'run', () => 1), /task: the first argument must be `import\.meta`/);
  for (const path of ['/work/model.js', './model.js', 'model.js', 'C:\\work\\model.js', 'c:/work/model.js'])
    assert.throws(
      () => wrong({ url: path }, 'run', () => 1),
      /must be a URL, got ".*model\.js"; of a path make one with pathToFileURL\(path\)/,
    );
  for (const bad of [undefined, '', 5, () => 1])
    assert.throws(
      () => wrong(meta, bad, () => 1),
      /task: the second argument must be the name of the export, got/,
    );
  for (const bad of [undefined, 'run', {}])
    assert.throws(() => wrong(meta, 'run', bad), /task: the third argument must be a function, got/);
});

it('ships any other function as its source', () => {
  const named = function cube(x: number) {
    return x ** 3;
  };
  const reference = taskReference(named);
  assert.equal([reference.kind, reference.name], ['source', 'cube']);
  assert.match((reference as { source: string }).source, /^function cube\(x\) \{\s+return x \*\* 3;\s+\}$/);
  assert.is(
    taskReference(
      (
        () => () =>
          1
      )(),
    ).name,
    'anonymous',
  );
  const { class: classic } = { class: (x: number) => x };
  assert.is(taskReference(classic).kind, 'source');
});

it('has no source to ship of what is built in, bound, a class, or more than its source', () => {
  for (const [run, says] of [
    [
      Math.sqrt,
      /the task sqrt is built in or bound and has no source to ship; wrap it \(x => Math\.sqrt\(x\)\)/,
    ],
    [(() => 1).bind(null), /is built in or bound/],
    [class Model {} as unknown as Task, /the task is the class Model; pass x => new Model\(x\)/],
    [class extends Array {} as unknown as Task, /the task is the class/],
    [Object.assign((x: number) => x, { factor: 3 }), /has properties of its own \(factor\), which do not go/],
  ] as const)
    assert.throws(
      () => taskReference(run),
      (error: unknown) => error instanceof TypeError && says.test(error.message),
    );
});

it.run();
