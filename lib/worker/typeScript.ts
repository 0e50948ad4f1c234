import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** True for the URL of a file of TypeScript. */
export const isTypeScript = (url: string | undefined): url is string =>
  url !== undefined && /^file:[^?#]*\.[cm]?tsx?(?:[?#]|$)/.test(url);

/** The parts of tsx that load `import` and `require`; a `require` from the task's module finds other files of it. */
function findTsx(url: string): URL[] | undefined {
  try {
    const manifest = createRequire(url).resolve('tsx/package.json');
    const { exports } = JSON.parse(readFileSync(manifest, 'utf8'));
    return ['./esm/api', './cjs/api'].map(part => {
      const api = exports[part];
      return new URL(api.import?.default ?? api.import ?? api, pathToFileURL(manifest));
    });
  } catch {
    return undefined;
  }
}

let tsx: Promise<void> | undefined;

/** Lets this worker load TypeScript by the tsx that is installed beside a module; returns false where none is. */
export async function registerTsx(url: string): Promise<boolean> {
  const parts = tsx ? [] : findTsx(url);
  if (!parts) return false;
  await (tsx ??= register(parts));
  return true;
}

async function register(parts: readonly URL[]): Promise<void> {
  for (const { href } of parts) ((await import(href)) as { register(): void }).register();
}

/** True where something other than Node itself has taught `require` TypeScript. */
export function requiresTypeScript(): boolean {
  const load = createRequire(import.meta.url).extensions['.ts'];
  return load !== undefined && load.name !== 'loadTS';
}

/** What teaches `require` TypeScript. The program that runs has checked the types, where it wants them checked. */
const REQUIRE_HOOKS = ['ts-node/register/transpile-only', '@swc-node/register'];

/** Lets this worker `require` TypeScript by what is installed beside a module; returns false where nothing is. */
export function registerRequireHook(url: string): boolean {
  const require = createRequire(url);
  return REQUIRE_HOOKS.some(hook => {
    try {
      require.resolve(hook);
    } catch {
      return false;
    }
    require(hook);
    return true;
  });
}

/** What Node's own type stripping lacks, by the code of its error. */
const NOT_STRIPPED: Readonly<Record<string, string>> = {
  ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX:
    'Node strips types, and compiles no enums, namespaces or parameter properties',
  ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING: 'Node strips no types in node_modules',
};

/** What has compiled the module in the program, by the variable of the environment that it sets for its tests. */
const TEST_RUNNERS: Readonly<Record<string, string>> = { VITEST: 'vitest', JEST_WORKER_ID: 'jest' };

/** Returns why TypeScript did not load and what to do about it; `undefined` where an error has nothing to do with it. */
export function explainTypeScript(url: string, error: unknown): string | undefined {
  if (!isTypeScript(url) || !(error instanceof Error)) return undefined;
  const fault = faultOf(error);
  if (fault === undefined) return undefined;
  const runner = Object.keys(TEST_RUNNERS).find(variable => process.env[variable]);
  const apart = runner ? `; ${TEST_RUNNERS[runner]} compiles modules for itself alone` : '';
  return `${fault}${apart}. Install tsx, which workers find by themselves (npm install --save-dev tsx), or name the compiled module`;
}

function faultOf(error: NodeJS.ErrnoException): string | undefined {
  const { code = '', message } = error;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return 'nothing here loads TypeScript in a worker';
  if (NOT_STRIPPED[code]) return NOT_STRIPPED[code];
  if (/does not provide an export named/.test(message))
    return 'Node strips types in one file at a time, and a type must be imported by `import type`';
  if (!/^(ERR_)?MODULE_NOT_FOUND$|^ERR_UNSUPPORTED_DIR_IMPORT$/.test(code)) return undefined;
  const renamed = renamedFile(error);
  return renamed && `Node strips types, and finds files by their full names alone: ${renamed}`;
}

/** Says how to import what was not found, if a module of TypeScript is there under another extension. */
function renamedFile(error: Error & { requireStack?: string[] }): string | undefined {
  const name = /'([^']+)'/.exec(error.message)?.[1];
  if (name === undefined) return undefined;
  const path = name.startsWith('file:') ? fileURLToPath(name) : name;
  if (!/^(\.{0,2}[/\\]|[a-z]:)/i.test(path)) return undefined;
  const missing = resolve(dirname(error.requireStack?.[0] ?? '.'), path);
  const [, stem, kind = ''] = /^(.*?)(?:\.([cm]?)jsx?)?$/s.exec(missing) ?? [];
  const there = [`${stem}.${kind}ts`, `${stem}.tsx`, join(`${stem}`, 'index.ts')].find(existsSync);
  return there && `import ${relative(dirname(missing), there)}, and not ${basename(missing)}`;
}
