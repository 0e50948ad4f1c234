import { commonJsMeta, type Files, sources, withoutExtensions } from '../../support/userProject.js';

const compilerOptions = {
  module: 'commonjs',
  target: 'es2022',
  strict: true,
  esModuleInterop: true,
  types: ['node'],
};
/** The configuration of a compiler to CommonJS, with more options. */
export const tsconfig = (options: object = {}): Files => ({
  'tsconfig.json': JSON.stringify({ compilerOptions: { ...compilerOptions, ...options } }),
});
/** A project in TypeScript that becomes CommonJS, as most are. */
export const commonJsTypeScript = { ...withoutExtensions(sources('ts', commonJsMeta)), ...tsconfig() };
