// By its default export: bundlers follow a `createRequire` that is imported by name, and put what it finds into the bundle.
import Module from 'node:module';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where this module is. A bundler may have put it into a file of its own: into one of CommonJS, which has no URL. */
const here: string | undefined = import.meta.url;

/** The files from which this package is looked for: this one, the bundle that it is in, the program, any in the current folder. */
function* places(): Generator<string> {
  if (here?.startsWith('file:')) yield fileURLToPath(here);
  if (typeof __filename === 'string') yield resolve(__filename);
  if (process.argv[1] !== undefined) yield resolve(process.argv[1]);
  yield resolve('bundle.js');
}

let installed: string | undefined;

/** Returns the path of the module that workers run, in the installed package. */
function installedEntry(): string {
  if (installed !== undefined) return installed;
  for (const place of places())
    try {
      installed = Module.createRequire(place).resolve('rx-parfor/worker');
      return installed;
    } catch {
      // The next one may find it.
    }
  throw new Error(
    `workers run a file of rx-parfor, which is not in a bundle: the package must be installed where one of these finds it: ${[...new Set(places())].join(', ')}`,
  );
}

/** True if this module is a file of this package, and not a part of a bundle. */
export const isInPackage = (): boolean => {
  const root = resolve(dirname(installedEntry()), '../../..');
  return here?.startsWith(`${pathToFileURL(root).href}/dist/`) === true;
};

/**
 * Returns the URL of the module that workers run: beside this one, or that of the installed package where a bundler has put
 * this one into a program's own file.
 * @throws Error where the package is not installed
 */
export function workerEntry(): string {
  // Written as `new URL(path, import.meta.url)`, bundlers would take it for a file of the program.
  if (isInPackage()) return (here as string).replace(/[^/]+\/[^/]+$/, 'worker/entry.js');
  return pathToFileURL(resolve(dirname(installedEntry()), 'entry.js')).href;
}

/** Loads a package that this one depends on, as Node itself finds it from where this package is installed. */
export const requireInstalled = (name: string): unknown => Module.createRequire(installedEntry())(name);
