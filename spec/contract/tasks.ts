import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EMPTY, from, of, range } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { TaskError, TaskNotFoundError } from '../../lib/errors.js';
import type { Executor } from '../../lib/executor.js';
import { type Task, task } from '../../lib/task/task.js';
import { parallelMap } from '../../operators/parallelMap.js';
import { parallelMapSettled } from '../../operators/parallelMapSettled.js';
import { parfor } from '../../operators/parfor.js';
import { environment, nested, square, where } from '../fixtures/tasks.js';
import { timed } from '../support/deadline.js';
import { run } from '../support/program.js';
import { errorOf, inFolder, outcomeOf, rowsOf, type Subject } from './subject.js';

// What compilers put into functions.
declare const __name: <T>(target: T, name: string) => T;
declare const cov_1x2y3z: () => { s: number[]; f: number[]; b: number[][] };

const outer = 5;
const cov_matrix = [[1, 2]];
const computedName = 'computed';

class Model {
  static twice(x: number) {
    return 2 * x;
  }
  thrice(x: number) {
    return 3 * x;
  }
  async later(x: number) {
    return x + 1;
  }
}

const methods = {
  plain(x: number) {
    return x + 10;
  },
  async later(x: number) {
    return x + 20;
  },
  get(x: number) {
    return x + 30;
  },
  async(x: number) {
    return x + 40;
  },
  'odd name'(x: number) {
    return x + 50;
  },
  if(x: number) {
    return x + 60;
  },
  [computedName](x: number) {
    return x + 70;
  },
  class(x: number) {
    return x + 80;
  },
  7(x: number) {
    return x + 90;
  },
};

/** Any function is a task, and one that cannot be says why. */
export function tasks({ name, make, crosses, remote = false }: Subject): void {
  const tasks = suite(`${name}: tasks`);
  const it = timed(tasks);
  let executor: Executor;
  tasks.before(() => {
    executor = make({ workers: 1 });
  });
  tasks.after(() => executor.close());

  const call = async (task: Task, input: unknown = 1): Promise<unknown> => {
    const [row] = await rowsOf(of(input).pipe(parallelMap(task as (x: unknown) => unknown, { executor })));
    return row;
  };

  it('tasks may be arrows, functions and async functions', async () => {
    assert.is(await call((x: number) => x + 1), 2);
    assert.is(await call(async (x: number) => x + 2), 3);
    assert.is(await call((x: number) => x + 3), 4);
    assert.is(
      await call(async function named(x: number): Promise<number> {
        return x > 3 ? x : named(x + 1);
      }),
      4,
    );
    assert.equal(await call((x: number) => ({ x })), { x: 1 });
    assert.equal(await call((x: number, ...rest: number[]) => [x, rest.length]), [1, 0]);
    assert.is(await call(({ x, y: [z = 4] = [] }: { x: number; y?: number[] }) => x + z, { x: 1 }), 5);
    // A comment at the end, on a line of its own, is part of the source.
    assert.is(await call(new Function('x', 'return x + 4 // the end') as Task), 5);
    assert.is(await call((x: number) => (() => x + 5)()), 6);
  });

  it('tasks may be functions of scripts that are not in strict mode', async () => {
    const sloppy = new Function('x', 'arguments[0] = 2 * x; return [x, this === globalThis];') as (
      x: number,
    ) => unknown;
    assert.equal(await rowsOf(of(3).pipe(parallelMap(sloppy, { executor }))), [[6, true]]);
  });

  it('tasks may be methods', async () => {
    const { plain, later, get, async, if: conditional, class: classic } = methods;
    assert.is(await call(plain), 11);
    assert.is(await call(later), 21);
    assert.is(await call(get), 31);
    assert.is(await call(async), 41);
    assert.is(await call(methods['odd name']), 51);
    assert.is(await call(conditional), 61);
    assert.is(await call(classic), 81);
    assert.is(await call(methods[7]), 91);
    assert.is(await call(Model.twice), 2);
    assert.is(await call(Model.prototype.thrice), 3);
    assert.is(await call(Model.prototype.later), 2);
  });

  it('tasks may be marked functions of a module, with its imports and its state', async () => {
    assert.is(await call(square, 7), 49);
    assert.is(square(7), 49, 'and stay functions');
  });

  it('tasks may import modules', async () => {
    const task = async (x: number) => {
      const { join } = await import('node:path');
      return join('a', `${x}`);
    };
    assert.is(await call(task), join('a', '1'));
    const { rows } = await outcomeOf(
      range(0, 3).pipe(
        parallelMap(
          async x => {
            const { Observable } = await import('rxjs');
            return [x, typeof Observable] as const;
          },
          { executor },
        ),
      ),
    );
    assert.equal(rows, [
      [0, 'function'],
      [1, 'function'],
      [2, 'function'],
    ]);
  });

  if (!remote)
    it('tasks may import what their own file finds: files beside it, packages, and other versions of those', () =>
      inFolder(async folder => {
        const write = (path: string, text: string) => {
          mkdirSync(join(folder, path, '..'), { recursive: true });
          writeFileSync(join(folder, path), text);
          return pathToFileURL(join(folder, path)).href;
        };
        for (const [place, version] of [
          ['', 1],
          ['a/', 2],
        ] as const) {
          write(`${place}node_modules/dep/package.json`, '{ "exports": { "import": "./index.mjs" } }');
          write(`${place}node_modules/dep/index.mjs`, `export const version = ${version};`);
          write(`${place}package.json`, '{ "imports": { "#inner": "./helper.mjs" } }');
          write(`${place}helper.mjs`, `export const twice = x => [2 * x, ${version}];`);
        }
        const text = `export const f = async x => [
          (await import('dep')).version,
          (await import(/* beside it */ './helper.mjs')).twice(x),
          (await import('#inner')).twice === (await import('./helper.mjs')).twice,
          typeof (await import('node:path')).join,
        ];
        export const holder = { async f(x) { return (await import('dep')).version + x; } };
        export const meta = x => import.meta.url;`;
        for (const [place, version] of [
          ['', 1],
          ['a/', 2],
        ] as const) {
          const module = await import(write(`${place}tasks.mjs`, text));
          assert.equal(await call(module.f, 3), [version, [6, version], true, 'function']);
          assert.is(await call(module.holder.f, 3), version + 3);
          if (!crosses) continue;
          const error = await errorOf(of(1).pipe(parallelMap(module.meta, { executor })));
          assert.match(error.message, /`import\.meta` is that of its module.*`args` or `kwargs`/);
        }
      }));

  if (!crosses) {
    it('tasks that are built in, bound or classes are called as they are', async () => {
      assert.is(await call(Math.sqrt, 9), 3);
      assert.is(await call(((x: number, y: number) => x + y).bind(null, 5), 1), 6);
      const error = await errorOf<TaskError>(of(1).pipe(parallelMap(Model as unknown as Task, { executor })));
      assert.match((error.cause as Error).message, /without 'new'/);
    });
    tasks.run();
    return;
  }

  it('tasks run elsewhere', async () => {
    const here = await where(0);
    const there = await rowsOf(range(0, 3).pipe(parallelMap(where, { executor })));
    assert.ok(there.every(place => place !== here));
  });

  it('tasks run nested sweeps where they are', async () => {
    assert.equal(await rowsOf(of(3, 2).pipe(parallelMap(nested, { executor }))), [
      { rows: [0, 10, 20], here: true },
      { rows: [0, 10], here: true },
    ]);
  });

  it('tasks that fail where others have run nested sweeps have no call of the worker in their stacks', async () => {
    const raise = (x: number): never => {
      throw new RangeError(`bad ${x}`);
    };
    await rowsOf(of(2).pipe(parallelMap(nested, { executor })));
    const { cause } = await errorOf<TaskError>(of(1).pipe(parallelMap(raise, { executor })));
    const { stack = '' } = cause as Error;
    assert.match(stack, /bad 1\n {4}at .*contract/);
    assert.not.match(stack, /AsyncLocalStorage|lib\/worker/);
  });

  it('tasks with what a compiler put into them run as without', async () => {
    assert.is(
      await call((x: number) => {
        const inner = __name((y: number) => y + 1, 'inner');
        return inner(x);
      }),
      2,
    );
    assert.is(
      await call((x: number) => {
        cov_1x2y3z().f[0]!++;
        cov_1x2y3z().s[3]!++;
        if (x > 0) {
          cov_1x2y3z().b[0]![1]!++;
          cov_1x2y3z().s[4]!++;
          return x + 1;
        }
        return 0;
      }),
      2,
    );
  });

  it('tasks with a free variable fail with its name and the remedy', async () => {
    const error = await errorOf<TaskError>(range(5, 3).pipe(parallelMap(x => x * outer, { executor })));
    assert.instance(error, TaskError);
    assert.is(error.index, 0);
    const cause = error.cause as Error;
    assert.instance(cause, ReferenceError);
    assert.match(cause.message, /^outer is not defined/);
    assert.match(cause.message, /`args` or `kwargs`/);
    assert.match(cause.message, /task\(import\.meta/);
    assert.match(cause.message, /inline\(\)/);
    const later = await errorOf<TaskError>(
      of(1).pipe(
        parallelMap(
          async x => {
            await Promise.resolve();
            return x * outer;
          },
          { executor },
        ),
      ),
    );
    assert.match((later.cause as Error).message, /^outer is not defined where the task runs/);
  });

  it('tasks with a free variable of a name like a coverage counter’s fail as well', async () => {
    const error = await errorOf<TaskError>(
      of(1).pipe(parallelMap(x => x * cov_matrix[0]![1]!, { executor })),
    );
    assert.match((error.cause as Error).message, /^cov_matrix is not defined/);
  });

  it('tasks with a helper of an old compiler, or require, fail with that remedy', async () => {
    const awaiter = new Function('x', 'return __awaiter(x)') as Task;
    const error = await errorOf<TaskError>(of(1).pipe(parallelMap(awaiter, { executor })));
    assert.match((error.cause as Error).message, /__awaiter.*compile for ES2018/);
    const required = new Function('x', 'return require("fs")') as Task;
    const other = await errorOf<TaskError>(of(1).pipe(parallelMap(required, { executor })));
    assert.match((other.cause as Error).message, /await import/);
  });

  it('tasks that use `this` or `super` of what they were taken from say so, and what to do', async () => {
    class Base {
      get factor() {
        return 4;
      }
    }
    class Service extends Base {
      readonly own = 3;
      readonly #hidden = 2;
      arrow = (x: number) => x * this.own;
      optional = (x: number) => (this as Partial<Service> | undefined)?.own ?? x;
      private = (x: number) => x * this.#hidden;
      parent = (x: number) => x * super.factor;
      method(x: number) {
        return x * this.own;
      }
      parentOf(x: number) {
        return x * super.factor;
      }
      nested(x: number) {
        return { f: () => this.own * x }.f();
      }
    }
    const literal = {
      read(x: number) {
        return [x].map(() => typeof super.toString);
      },
      write(x: number) {
        (super.toString as unknown) = x;
        return x;
      },
    };
    const { arrow, optional, private: hidden, parent, method, parentOf, nested } = new Service();
    for (const [wrong, says] of [
      [arrow, /uses `this`/],
      [optional, /uses `this`/],
      [hidden, /#hidden is a private member/],
      [parent, /`super` is that of the object around it/],
      [method, /`this` is undefined where the task method runs/],
      [parentOf, /uses `super`/],
      [literal.read, /uses `super`/],
      [literal.write, /uses `super`/],
      [nested, /`this` is undefined where the task nested runs/],
    ] as const) {
      const error = await errorOf<TaskError>(of(2).pipe(parallelMap(wrong as Task, { executor })));
      const { message } = (error instanceof TaskError ? error.cause : error) as Error;
      assert.match(message, says);
      assert.match(message, /`args` or `kwargs`/);
      assert.match(message, /task\(/);
    }
    const own = {
      f(x: number) {
        return { g: () => x, ...{ toString: () => 'text' } }.g();
      },
    };
    assert.is(await call(own.f, 5), 5, 'objects of their own are whole');
  });

  it('tasks that call themselves by a variable’s name are told to be named functions', async () => {
    const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));
    const error = await errorOf<TaskError>(of(5).pipe(parallelMap(fib, { executor })));
    const { message } = error.cause as Error;
    assert.match(message, /fib is not defined where the task runs.*`function fib\(…\) \{ … \}`/);
    assert.not.match(message, /Pass fib/);
  });

  it('tasks that have no source to ship say so', async () => {
    for (const [wrong, says] of [
      [Math.sqrt, /the task sqrt is built in or bound.*x => Math\.sqrt\(x\)/],
      [square.bind(null), /the task bound .*is built in or bound/],
      [Model, /the task is the class Model.*new Model\(x\)/],
      [class extends Model {}, /the task is the class/],
    ] as const) {
      const error = await errorOf(of(1).pipe(parallelMap(wrong as Task, { executor })));
      assert.instance(error, TypeError);
      assert.match(error.message, says);
    }
    // Its name is an expression whose variable stays behind.
    const computed = await errorOf<Error & { cause?: Error }>(
      of(1).pipe(parallelMap(methods[computedName], { executor })),
    );
    assert.match(computed.message, /computed/);
    assert.is(await call(square, 2), 4, 'the executor is well');
  });

  it('tasks whose module or export is missing are told, for each run', async () => {
    const here = { url: import.meta.url };
    for (let time = 0; time < 3; time++) {
      const noModule = await errorOf<TaskNotFoundError>(
        range(0, 5).pipe(
          parallelMap(
            task({ url: 'file:///nowhere/at/all.js' }, 'f', (x: number) => x),
            { executor },
          ),
        ),
      );
      assert.instance(noModule, TaskNotFoundError);
      assert.equal([noModule.module, noModule.exportName], ['file:///nowhere/at/all.js', 'f']);
      assert.match(noModule.message, /nowhere\/at\/all\.js/);
      assert.is((noModule.cause as NodeJS.ErrnoException).code, 'ERR_MODULE_NOT_FOUND');

      const noExport = await errorOf<TaskNotFoundError>(
        range(0, 5).pipe(
          parallelMapSettled(
            task(here, 'missing', (x: number) => x),
            { executor },
          ),
        ),
      );
      assert.instance(noExport, TaskNotFoundError);
      assert.is(noExport.exportName, 'missing');
      assert.match(noExport.message, /exports .*tasks/);

      assert.is(await call(square, 3), 9);
    }
  });

  it('tasks whose module does not load are told with the module’s own error, for each run', async () => {
    await inFolder(async folder => {
      const module = (file: string, text: string) => {
        writeFileSync(join(folder, file), text);
        return { url: pathToFileURL(join(folder, file)) };
      };
      const throws = module(
        'throws.mjs',
        `export const f = x => x; throw Object.assign(new RangeError('set-up'), { code: 'E_UP' });`,
      );
      const breaks = module('breaks.mjs', 'export const f = x => { return x +; };');
      const imports = module('imports.mjs', `import './missing.mjs'; export const f = x => x;`);
      const number = module('number.mjs', 'export const f = 5;');
      const nothing = module('nothing.mjs', '');
      const inherits = module('inherits.mjs', 'export default function g() {}');
      for (let time = 0; time < 2; time++) {
        const error = async (meta: { url: URL }) => {
          const found = await errorOf<TaskNotFoundError>(
            range(0, 5).pipe(
              parfor(
                task(meta, 'f', (x: number) => x),
                { executor },
              ),
            ),
          );
          assert.instance(found, TaskNotFoundError);
          assert.is(found.module, meta.url.href);
          return found;
        };
        const thrown = (await error(throws)).cause as Error & { code: string };
        assert.instance(thrown, RangeError);
        assert.equal([thrown.message, thrown.code], ['set-up', 'E_UP']);
        assert.instance((await error(breaks)).cause, SyntaxError);
        assert.is(((await error(imports)).cause as NodeJS.ErrnoException).code, 'ERR_MODULE_NOT_FOUND');
        assert.match((await error(number)).message, /that export is a number/);
        assert.match((await error(nothing)).message, /exports nothing/);
        const inherited = await errorOf<TaskNotFoundError>(
          of('x').pipe(
            parallelMap(
              task(inherits, 'constructor', (x: string) => x),
              { executor },
            ),
          ),
        );
        assert.instance(inherited, TaskNotFoundError, 'what the default export inherits is no export');
        assert.is(await call(square, 3), 9);
      }
    });
  });

  if (crosses && !remote)
    it('tasks whose module ends its worker as it loads are told so, for the run, and blame no input', async () => {
      await inFolder(async folder => {
        const file = join(folder, 'ends.mjs');
        writeFileSync(file, `export const f = x => x; process.exit(3);`);
        const ends = task({ url: pathToFileURL(file) }, 'f', (x: number) => x);
        await using own = make({ workers: 1 });
        const error = await errorOf<TaskNotFoundError>(
          range(0, 5).pipe(parallelMapSettled(ends, { executor: own })),
        );
        assert.instance(error, TaskNotFoundError);
        assert.match(error.message, /its worker ends as it loads the module \(exit code 3\)/);
        assert.equal(await rowsOf(of(3).pipe(parallelMap(square, { executor: own }))), [9]);
      });
    });

  it('tasks of CommonJS modules are found', async () => {
    await inFolder(async folder => {
      const file = join(folder, 'tasks.cjs');
      writeFileSync(file, 'const g = "f"; module.exports = Object.assign({}, { [g]: x => x + 100 });');
      const marked = task({ url: pathToFileURL(file) }, 'f', (x: number) => x);
      assert.equal(await rowsOf(of(1, 2).pipe(parallelMap(marked, { executor }))), [101, 102]);
    });
  });

  it('tasks of a module that ends its worker while it loads fail, and no worker is started for ever', async () => {
    await inFolder(async folder => {
      const file = join(folder, 'exits.mjs');
      writeFileSync(file, 'process.exit(3); export const f = x => x;');
      await using own = make({ workers: 2 });
      const errorOfRun = () =>
        errorOf(
          range(0, 20).pipe(
            parallelMap(
              task({ url: pathToFileURL(file) }, 'f', (x: number) => x),
              { executor: own },
            ),
          ),
        );
      for (let time = 0; time < 2; time++) assert.match((await errorOfRun()).message, /exit code 3/);
      assert.equal(await rowsOf(of(2).pipe(parallelMap(square, { executor: own }))), [4]);
    });
  });

  it('tasks see the environment and the options that the executor was given', async () => {
    await using own = make({
      workers: 1,
      env: { RX_PARFOR_SPEC: 'yes', PATH: process.env.PATH ?? '' },
      execArgv: ['--no-warnings'],
    });
    const [found] = await rowsOf(of('RX_PARFOR_SPEC').pipe(parallelMap(environment, { executor: own })));
    assert.equal([found?.value, found?.path], ['yes', process.env.PATH]);
    assert.ok(found?.options.includes('--no-warnings'));
    process.env.RX_PARFOR_SPEC = 'of this process';
    try {
      await using other = make({ workers: 1 });
      const [inherited] = await rowsOf(
        of('RX_PARFOR_SPEC').pipe(parallelMap(environment, { executor: other })),
      );
      assert.equal([inherited?.value, inherited?.path], ['of this process', process.env.PATH]);
    } finally {
      delete process.env.RX_PARFOR_SPEC;
    }
  });

  it('tasks on workers that cannot start end the run with an error, and not the program', async () => {
    const { code, stdout } = await run('lifetime', [name, 'wrong option']);
    assert.is(code, 0);
    assert.match(
      stdout,
      /^((WorkerCrashError: no worker can start .*execArgv|Error: .*no-such-option).*\n){2}$/,
    );
  });

  it('tasks of a run without inputs are not looked for', async () => {
    assert.equal(
      await rowsOf(
        EMPTY.pipe(
          parallelMap(
            task({ url: 'file:///nowhere.js' }, 'f', (x: number) => x),
            { executor },
          ),
        ),
      ),
      [],
    );
    assert.equal(await rowsOf(from<number[]>([]).pipe(parallelMap(Math.sqrt, { executor }))), []);
  });

  tasks.run();
}
