import type { UserProject } from '../../support/userProject.js';

/** A project of a user with a tool that is installed for it. */
export interface ToolchainProject extends UserProject {
  /** What it needs besides this package and RxJS, as npm takes it; a name may stand alone. */
  readonly packages: readonly string[];
  /** Programs of Node with their arguments, one after another. The last one writes the answer. */
  readonly steps: readonly (readonly string[])[];
  /** What the last one writes. Default: the answer. */
  readonly writes?: RegExp;
  /** The folder of a bundle, which is run again where it has been moved, beside packages that have been moved too. */
  readonly moves?: string;
}

/** The path of a program among the packages, from the folder of a project. */
export const bin = (path: string): string => `../node_modules/${path}`;

/** The program that a bundler or compiler writes. */
export const program = 'out/main.js';
