import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isTypeScript, registerRequireHook, registerTsx, requiresTypeScript } from './typeScript.js';

type Exports = Record<string, unknown>;

/**
 * Imports a task's module, in JavaScript or TypeScript.
 *
 * A `.ts` module is loaded by the first of these that can: tsx, a hook of `require` that the worker was started with
 * (`-r ts-node/register`), Node's own type stripping, and ts-node or swc-node where they are installed.
 * @throws what the module throws, or the loader that was to load it
 */
export async function importModule(url: string): Promise<Exports> {
  if (!isTypeScript(url) || (await registerTsx(url))) return import(url);
  if (requiresTypeScript())
    try {
      return requireModule(url);
    } catch (error) {
      // Of a package of ES modules the hook says so.
      if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_REQUIRE_ESM') throw error;
    }
  try {
    return await import(url);
  } catch (error) {
    if (!isOfLoader(error) || !registerRequireHook(url)) throw error;
    return requireModule(url);
  }
}

const LOADER_CODES =
  /^(ERR_UNKNOWN_FILE_EXTENSION|ERR_UNSUPPORTED_\w+|ERR_INVALID_TYPESCRIPT_SYNTAX|(ERR_)?MODULE_NOT_FOUND)$/;

/**
 * True for an error of the loader, and for what CommonJS throws where it is taken for an ES module. The module has not run
 * then, or no further than its imports: it may be loaded once more, in another way.
 */
const isOfLoader = (error: unknown): boolean =>
  error instanceof SyntaxError ||
  (error instanceof ReferenceError &&
    /^(exports|module|require|__\w+name) is not defined/.test(error.message)) ||
  (error instanceof Error && LOADER_CODES.test((error as NodeJS.ErrnoException).code ?? ''));

const requireModule = (url: string): Exports => createRequire(url)(fileURLToPath(url));
