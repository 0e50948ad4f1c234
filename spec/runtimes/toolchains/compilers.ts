import { commonJsMeta, sources } from '../../support/userProject.js';
import { tsconfig } from './commonJsTypeScript.js';
import { bin, program, type ToolchainProject } from './toolchainProject.js';

const compiled = (version: string, options: object): ToolchainProject => ({
  name: `TypeScript ${version}, ${Object.values(options).join(', ')}`,
  packages: [`typescript-${version}@npm:typescript@~${version}.0`],
  files: {
    ...sources('ts', commonJsMeta),
    ...tsconfig({ outDir: 'out', ...options }),
  },
  steps: [[bin(`typescript-${version}/bin/tsc`)], [program]],
});

/** What compiles to CommonJS. */
export const compilers: readonly ToolchainProject[] = [
  ...['5.7', '5.8', '5.9'].map(version => compiled(version, { module: 'commonjs' })),
  compiled('5.9', { module: 'node16' }),
  compiled('5.9', { module: 'nodenext' }),
];
