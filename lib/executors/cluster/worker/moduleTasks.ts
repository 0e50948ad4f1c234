import { realpathSync, statSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TaskNotFoundError } from '../../../errors.js';
import type { ModuleReference, TaskReference } from '../../../protocol/messages.js';
import { WorkerRefusalError } from '../protocol/errors.js';
import type { ClusterFunction, ClusterTask } from '../protocol/messages.js';
import { hashOf, isInside } from '../protocol/moduleFile.js';

/** The most bytes of a module: larger files would keep the worker from its work while they are read. */
const MAX_MODULE_BYTES = 2 ** 26;

/** A module's file, as it was when it was read. */
interface ModuleVersion {
  readonly hash: string;
  readonly mtimeMs: number;
  readonly size: number;
}

function fileOrRefusal<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new WorkerRefusalError(`the module ${path} cannot be read (${(error as Error).message})`);
  }
}

const contentOf = (file: string, path: string): ModuleVersion =>
  fileOrRefusal(path, () => {
    const { size, mtimeMs } = statSync(file);
    if (size > MAX_MODULE_BYTES) throw new Error(`${size} bytes are more than ${MAX_MODULE_BYTES}`);
    return { hash: hashOf(file), size, mtimeMs };
  });

const changed = (path: string, now: string, then: string): WorkerRefusalError =>
  new WorkerRefusalError(
    `the module ${path} has changed since this worker loaded it: sha256 ${now} now, ${then} then; restart the worker`,
  );

/** The tasks that a worker runs: those of modules inside its root, and where that is allowed, those shipped as source. */
export class ModuleTasks {
  /** Each module as it was when it was first run, by its URL: threads keep it so. */
  readonly #loaded = new Map<string, ModuleVersion>();

  /**
   * @param root the project's root
   * @param options `allowInline`: functions that are shipped as source may run
   */
  constructor(
    private readonly root: string,
    private readonly options: { readonly allowInline: boolean },
  ) {}

  /**
   * Returns a task as threads of this worker find it.
   * @throws WorkerRefusalError where this worker must not run it, TaskNotFoundError where it is not here
   */
  receive(task: ClusterTask): TaskReference {
    if (task.kind === 'source') {
      if (this.options.allowInline) return task;
      throw new WorkerRefusalError(
        `the task ${task.name} is shipped as source; start the worker with --allow-inline, or export the task from a module with task(import.meta, …)`,
      );
    }
    return this.#receiveFunction(task);
  }

  /**
   * Returns functions that are passed to a task, as threads of this worker find them: the same rules hold for them.
   * @throws WorkerRefusalError, TaskNotFoundError as `receive`
   */
  receiveAll(functions: readonly ClusterFunction[]): ModuleReference[] {
    return functions.map(reference => this.#receiveFunction(reference));
  }

  #receiveFunction({ path, name, hash }: ClusterFunction): ModuleReference {
    const file = this.#fileOf(path, name);
    const here = contentOf(file, path);
    if (here.hash !== hash)
      throw new WorkerRefusalError(
        `the module ${path} is another one here: sha256 ${here.hash}, sent for ${hash || 'no file'}; bring both hosts to the same version`,
      );
    const { href: url } = pathToFileURL(file);
    const loaded = this.#loaded.get(url) ?? here;
    if (loaded.hash !== hash) throw changed(path, here.hash, loaded.hash);
    this.#loaded.set(url, here);
    return { kind: 'module', name, url };
  }

  /**
   * Checks that a module is still what it was: a thread that starts now would load what it has become.
   * @throws WorkerRefusalError where it has changed
   */
  confirm(task: TaskReference): void {
    if (task.kind === 'source') return;
    const loaded = this.#loaded.get(task.url);
    if (!loaded) return;
    const file = fileURLToPath(task.url);
    const path = relative(this.root, file);
    const { mtimeMs, size } = fileOrRefusal(path, () => statSync(file));
    if (mtimeMs === loaded.mtimeMs && size === loaded.size) return;
    const here = contentOf(file, path);
    if (here.hash !== loaded.hash) throw changed(path, here.hash, loaded.hash);
    this.#loaded.set(task.url, here);
  }

  /** Returns the real file of a path from the root. */
  #fileOf(path: string, name: string): string {
    const outside = new WorkerRefusalError(
      `the task's path ${JSON.stringify(path)} is not one inside the root ${this.root}; only paths relative to --root are run`,
    );
    if (
      path === '' ||
      path.includes('\\') ||
      path.includes('\0') ||
      /^[a-z][a-z\d+.-]*:/i.test(path) ||
      path.split('/').some(part => part === '..' || part === '.' || part === '')
    )
      throw outside;
    const from = fileOrRefusal(path, () => realpathSync(this.root));
    const file = resolve(from, path);
    let found: string;
    try {
      found = realpathSync(file);
    } catch (error) {
      // Also a link to nowhere: it may lead out by the time it is loaded.
      if (['ENOENT', 'ENOTDIR', 'ELOOP'].includes((error as NodeJS.ErrnoException).code ?? ''))
        throw notHere(file, name, error);
      throw new WorkerRefusalError(`the module ${path} cannot be read (${(error as Error).message})`);
    }
    if (!isInside(from, found)) throw outside;
    // A pipe would keep this worker waiting for ever.
    if (!statSync(found).isFile()) throw new WorkerRefusalError(`the module ${path} is no file`);
    return found;
  }
}

function notHere(file: string, name: string, error: unknown): TaskNotFoundError {
  const missing = Object.assign(new Error(`Cannot find module '${file}'`, { cause: error }), {
    code: 'ERR_MODULE_NOT_FOUND',
  });
  const why = `the module does not load (${(error as Error).message})`;
  return new TaskNotFoundError(pathToFileURL(file).href, name, why, missing);
}
