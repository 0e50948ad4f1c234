import { commonJsTypeScript } from './commonJsTypeScript.js';
import { bin, type ToolchainProject } from './toolchainProject.js';

/** What loads TypeScript into Node. */
export const loaders: readonly ToolchainProject[] = [
  {
    name: 'ts-node, CommonJS',
    packages: ['ts-node', 'typescript@5.9'],
    files: commonJsTypeScript,
    steps: [[bin('ts-node/dist/bin.js'), 'main.ts']],
  },
  {
    name: 'ts-node, CommonJS, as a hook of require',
    packages: ['ts-node', 'typescript@5.9'],
    files: commonJsTypeScript,
    steps: [['-r', 'ts-node/register', 'main.ts']],
  },
  {
    name: 'swc-node, CommonJS',
    packages: ['@swc-node/register', '@swc/core', 'typescript@5.9'],
    files: commonJsTypeScript,
    steps: [['-r', '@swc-node/register', 'main.ts']],
  },
];

/** What compiles and runs the cells of a notebook. */
export const notebooks: readonly ToolchainProject[] = [
  {
    name: 'tslab',
    packages: ['tslab'],
    files: {
      // Its kernel without Jupyter: each cell is compiled, checked and run as there.
      'main.mjs': `import { createRequire } from 'node:module';
        const require = createRequire(import.meta.url);
        const { createConverter } = require('tslab/dist/converter.js');
        const { createExecutor } = require('tslab/dist/executor.js');
        const node = createConverter({ isJS: false });
        const executor = createExecutor(process.cwd(), { node }, { log: console.log, error: console.error });
        const cells = [
          "import { parallelMap, processes } from 'rx-parfor'; import { lastValueFrom, range, toArray } from 'rxjs';",
          \`const executor = processes({ maxThreads: 1 });
          for (const options of [{}, { executor }])
            console.log(await lastValueFrom(range(0, 3).pipe(parallelMap((x: number) => x * x, options), toArray())));
          await executor.close();\`,
        ];
        for (const cell of cells) if (!(await executor.execute(cell))) process.exitCode = 1;
        node.close();
        process.exit();`,
    },
    steps: [['main.mjs']],
    writes: /\[ 0, 1, 4 \]\s+\[ 0, 1, 4 \]/,
  },
];
