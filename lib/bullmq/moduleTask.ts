import { createHash } from 'node:crypto';
import { readFileSync, realpathSync, statSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { TaskNotFoundError } from '../errors.js';
import type { TaskReference } from '../protocol.js';
import type { ClusterTask } from './messages.js';

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

/** The tasks that a worker runs: those of modules inside its root, and where that is allowed, those shipped as source. */
export class ModuleTasks {
  /** What each module held when it was first run: threads keep it. */
  readonly #loaded = new Map<string, string>();

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
    let here: string;
    try {
      const { size } = statSync(file);
      if (size > LARGEST_MODULE)
        throw new Refusal(`the module ${path} is ${size} bytes long, more than ${LARGEST_MODULE}`);
      here = hashOf(file);
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw notHere(file, name, error);
    }
    if (here !== hash)
      throw new Refusal(
        `the module ${path} is another one here: sha256 ${here}, sent for ${hash || 'no file'}; bring both hosts to the same version`,
      );
    const loaded = this.#loaded.get(file);
    if (loaded !== undefined && loaded !== here)
      throw new Refusal(
        `the module ${path} has changed since this worker loaded it: sha256 ${here} now, ${loaded} then; restart the worker`,
      );
    this.#loaded.set(file, here);
    return { kind: 'module', name, url: pathToFileURL(file).href };
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
    const from = realpathSync(this.root);
    const file = resolve(from, path);
    let found: string;
    try {
      found = realpathSync(file);
    } catch (error) {
      // Also a link to nowhere: it may lead out by the time it is loaded.
      throw notHere(file, name, error);
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
