import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TaskNotFoundError } from '../../../errors.js';
import type { TaskReference } from '../../../protocol/messages.js';
import type { ClusterTask } from '../protocol/messages.js';

const hashOf = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

const isInside = (root: string, file: string): boolean => {
  const path = relative(root, file);
  return path !== '' && path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path);
};

/** The real path where there is one, so that a root behind a link is what a module's URL says. */
const real = (path: string): string => {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
};

/**
 * A task as it is named to other hosts: by its module's place in the project, and by what the module holds.
 * @throws TaskNotFoundError where the module lies outside `root`, or is no file
 */
export function sendTask(task: TaskReference, root: string): ClusterTask {
  if (task.kind === 'source') return task;
  let file: string;
  try {
    file = fileURLToPath(task.url.replace(/[?#].*$/s, ''));
  } catch (error) {
    throw new TaskNotFoundError(
      task.url,
      task.name,
      'other hosts find a task by its file, and this is no file: URL',
      error,
    );
  }
  const from = real(resolve(root));
  const found = real(file);
  if (!isInside(from, found))
    throw new TaskNotFoundError(
      task.url,
      task.name,
      `it lies outside the project's root ${from}, and other hosts would not find it; set \`root\` of bullmq()`,
    );
  let hash = '';
  try {
    hash = hashOf(found);
  } catch {
    // The worker says that it is not there.
  }
  return { kind: 'module', name: task.name, path: relative(from, found).split(sep).join('/'), hash };
}

/** Why a worker does not run a task. */
export class Refusal extends Error {}

/** Larger files are no modules of tasks, and would keep the worker from its work while they are read. */
const LARGEST_MODULE = 2 ** 26;

interface Loaded {
  readonly hash: string;
  readonly mtimeMs: number;
  readonly size: number;
}

function fileOrRefusal<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Refusal(`the module ${path} cannot be read (${(error as Error).message})`);
  }
}

const contentOf = (file: string, path: string): Loaded =>
  fileOrRefusal(path, () => {
    const { size, mtimeMs } = statSync(file);
    if (size > LARGEST_MODULE) throw new Error(`${size} bytes are more than ${LARGEST_MODULE}`);
    return { hash: hashOf(file), size, mtimeMs };
  });

const changed = (path: string, now: string, then: string): Refusal =>
  new Refusal(
    `the module ${path} has changed since this worker loaded it: sha256 ${now} now, ${then} then; restart the worker`,
  );

/** The tasks that a worker runs: those of modules inside its root, and where that is allowed, those shipped as source. */
export class ModuleTasks {
  /** What each module held when it was first run, by its URL: threads keep it. */
  readonly #loaded = new Map<string, Loaded>();

  /**
   * @param root the project's root
   * @param allowInline whether functions that are shipped as source may run
   */
  constructor(
    private readonly root: string,
    private readonly allowInline: boolean,
  ) {}

  /**
   * The task as threads of this worker find it.
   * @throws Refusal where this worker must not run it, TaskNotFoundError where it is not here
   */
  receive(task: ClusterTask): TaskReference {
    if (task.kind === 'source') {
      if (this.allowInline) return task;
      throw new Refusal(
        `the task ${task.name} is shipped as source; start the worker with --allow-inline, or export the task from a module with task(import.meta, …)`,
      );
    }
    const { path, name, hash } = task;
    const file = this.#fileOf(path, name);
    const here = contentOf(file, path);
    if (here.hash !== hash)
      throw new Refusal(
        `the module ${path} is another one here: sha256 ${here.hash}, sent for ${hash || 'no file'}; bring both hosts to the same version`,
      );
    const { href: url } = pathToFileURL(file);
    const loaded = this.#loaded.get(url) ?? here;
    if (loaded.hash !== hash) throw changed(path, here.hash, loaded.hash);
    this.#loaded.set(url, here);
    return { kind: 'module', name, url };
  }

  /**
   * Looks whether a module is still what it was: a thread that starts now would load what it has become.
   * @throws Refusal where it is not
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

  /** The real file of a path from the root. */
  #fileOf(path: string, name: string): string {
    const outside = new Refusal(
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
      throw new Refusal(`the module ${path} cannot be read (${(error as Error).message})`);
    }
    if (!isInside(from, found)) throw outside;
    // A pipe would keep this worker waiting for ever.
    if (!statSync(found).isFile()) throw new Refusal(`the module ${path} is no file`);
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
