import { createHash } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
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
    // The worker will say that it is not there.
  }
  return { kind: 'module', name: task.name, path: relative(from, found).split(sep).join('/'), hash };
}

/** What this worker runs. */
export interface Permissions {
  /** The project's root. */
  readonly root: string;
  /** Whether functions that are shipped as source may run. */
  readonly allowInline: boolean;
}

/** Why a worker does not run a task. */
export class Refusal extends Error {}

/**
 * The task as threads of this worker find it.
 * @throws Refusal where this worker must not run it
 */
export function receiveTask(task: ClusterTask, { root, allowInline }: Permissions): TaskReference {
  if (task.kind === 'source') {
    if (allowInline) return task;
    throw new Refusal(
      `the task ${task.name} is shipped as source; start the worker with --allow-inline, or export the task from a module with task(import.meta, …)`,
    );
  }
  const { path, name, hash } = task;
  const outside = new Refusal(
    `the task's path ${JSON.stringify(path)} is not one inside the root ${root}; only paths relative to --root are run`,
  );
  if (
    path === '' ||
    path.includes('\\') ||
    path.includes('\0') ||
    /^[a-z][a-z\d+.-]*:/i.test(path) ||
    path.split('/').some(part => part === '..' || part === '.' || part === '')
  )
    throw outside;
  const from = realpathSync(root);
  const file = resolve(from, path);
  const found = real(file);
  if (!isInside(from, found)) throw outside;
  let here: string | undefined;
  try {
    here = hashOf(found);
  } catch {
    // The import will say that it is not there.
  }
  if (here !== undefined && here !== hash)
    throw new Refusal(
      `the module ${path} is another one here: sha256 ${here}, sent for ${hash || 'no file'}; bring both hosts to the same version`,
    );
  return { kind: 'module', name, url: pathToFileURL(found).href };
}
