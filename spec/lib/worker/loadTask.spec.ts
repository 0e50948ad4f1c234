import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { NotTransferableError, TaskNotFoundError } from '../../../lib/errors.js';
import type { RunDefinition } from '../../../lib/protocol/messages.js';
import { registerClass } from '../../../lib/serialization/registerClass.js';
import { loadTask } from '../../../lib/worker/loadTask.js';
import { inFolder } from '../../contract/subject.js';
import { timed } from '../../support/deadline.js';
import { encoderFor } from '../serialization/roundTrip.js';

const tasks = suite('loadTask');
const it = timed(tasks);

const definitionOf = (task: RunDefinition['task'], more: Partial<RunDefinition> = {}): RunDefinition => ({
  id: 1,
  task,
  args: [],
  kwargs: undefined,
  spread: false,
  tag: {},
  functions: [],
  ...more,
});

const moduleOf = (code: string, name = 'f'): RunDefinition['task'] => ({
  kind: 'module',
  name,
  url: `data:text/javascript,${encodeURIComponent(code)}`,
});

/** Returns the error with which a definition is refused. */
async function refusalOf(definition: RunDefinition): Promise<unknown> {
  try {
    await loadTask(definition);
  } catch (error) {
    return error;
  }
  throw new Error('it was loaded');
}

it('a task is loaded from its source or its module, and bound to what its run shares', async () => {
  const args = [10];
  const kwargs = { z: 100 };
  for (const task of [
    { kind: 'source', name: 'f', source: '(x, y, { z }) => [x, y, z]' } as const,
    moduleOf('export const f = (x, y, { z }) => [x, y, z];'),
    moduleOf('export default { f: (x, y, { z }) => [x, y, z] };'),
  ]) {
    const { call, literalArrays } = await loadTask(definitionOf(task, { args, kwargs }));
    assert.equal(call(1), [1, 10, 100]);
    assert.ok(literalArrays);
  }
  const sum = { kind: 'source', name: 'f', source: '(x, y) => x + y' } as const;
  const { call, literalArrays } = await loadTask(definitionOf(sum, { spread: true }));
  assert.equal([call([1, 2]), literalArrays], [3, false]);
});

it('a module that does not load, or lacks the export, is told by its reason', async () => {
  for (const [code, says] of [
    ['throw new RangeError("too early");', /the module does not load \(RangeError: too early\)/],
    ['throw Object.create(null);', /the module does not load \(it threw \{ {2}\}\)/],
    ['export const g = 1, h = 2;', /the module exports g, h/],
    ['export const f = 5;', /that export is a number/],
    ['1;', /the module exports nothing/],
    ['export default Object.create({ f() {} });', /the module exports default/],
  ] as const) {
    const error = await refusalOf(definitionOf(moduleOf(code)));
    assert.instance(error, TaskNotFoundError);
    assert.match((error as TaskNotFoundError).message, says);
  }
});

it('a TypeScript module without a tsx beside it is told what to install', () =>
  inFolder(async folder => {
    const file = join(folder, 'tasks.ts');
    // What no Node strips.
    writeFileSync(file, 'export enum Kind { A }\nexport const f = (x: Kind) => x;');
    const url = pathToFileURL(file).href;
    const { message } = (await refusalOf(definitionOf({ kind: 'module', name: 'f', url }))) as Error;
    assert.match(
      message,
      /(loads TypeScript|Node strips types).*npm install --save-dev tsx\), or name the compiled module/,
    );
  }));

it('an argument that cannot be made here is refused with its place', async () => {
  class Nomad {}
  registerClass(Nomad, { encode: () => 1, decode: () => new Nomad(), name: 'a nomad of this spec' });
  const encoder = encoderFor('threads');
  const args = encoder.encode([{ who: new Nomad() }]) as [{ who: object }];
  Object.assign(args[0].who, { name: 'nobody' });
  const task = { kind: 'source', name: 'f', source: 'x => x' } as const;
  const error = await refusalOf(definitionOf(task, { args, tag: encoder.tag }));
  assert.instance(error, NotTransferableError);
  assert.match(
    (error as Error).message,
    /^`args` cannot cross to a worker: .*nobody, which is not registered/,
  );
});

it('an error of a shipped function is explained, and that of a module is left as it is', async () => {
  const error = new ReferenceError('outer is not defined');
  const shipped = await loadTask(definitionOf({ kind: 'source', name: 'f', source: 'x => outer' }));
  assert.match((shipped.explain(error) as Error).message, /Pass outer through `args` or `kwargs`/);
  const imported = await loadTask(definitionOf(moduleOf('export const f = x => x;')));
  assert.is(imported.explain(error), error);
});

tasks.run();
