import { answer, type Files, requiring, sources } from '../../support/userProject.js';
import { commonJsTypeScript, tsconfig } from './commonJsTypeScript.js';
import { bin, type ToolchainProject } from './toolchainProject.js';

const checks = `expect(await answer()).toBe(${JSON.stringify(answer)})`;
const passed = /"numPassedTests":1,.*"success":true/;
const jest = bin('jest/bin/jest.js');
const jestOf = (
  name: string,
  more: Partial<ToolchainProject> & { readonly files: Files },
): ToolchainProject => ({
  name: `jest, ${name}`,
  packages: ['jest'],
  steps: [[jest, '--json']],
  writes: passed,
  ...more,
});

/** What runs tests in contexts of its own. */
export const testRunners: readonly ToolchainProject[] = [
  jestOf('CommonJS', {
    files: {
      ...requiring,
      'main.test.js': `const { answer } = require('./both.js');
        test('rows', async () => ${checks});`,
      'jest.config.js': 'module.exports = {};',
    },
  }),
  jestOf('ES modules that Babel makes CommonJS of', {
    packages: ['jest', '@babel/preset-env'],
    files: {
      // A worker loads the task's module as it stands, and not as Babel makes it.
      ...sources('js', "{ url: 'file://' + process.cwd() + '/cube.js' }"),
      'main.test.js': `import { answer } from './both.js';
        test('rows', async () => ${checks});`,
      'babel.config.js': `module.exports = { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] };`,
    },
  }),
  jestOf('ts-jest, with ts-node for workers', {
    packages: ['jest', 'ts-jest', 'ts-node', '@types/jest', 'typescript@5.9'],
    files: {
      ...commonJsTypeScript,
      ...tsconfig({ types: ['node', 'jest'] }),
      'main.test.ts': `import { answer } from './both';
        test('rows', async () => { ${checks}; });`,
      'jest.config.js': "module.exports = { preset: 'ts-jest' };",
    },
  }),
  jestOf('ES modules', {
    type: 'module',
    files: {
      ...sources('js'),
      'main.test.js': `import { answer } from './both.js';
        test('rows', async () => ${checks});`,
      'jest.config.js': 'export default { transform: {} };',
    },
    steps: [['--experimental-vm-modules', jest, '--json']],
  }),
];
