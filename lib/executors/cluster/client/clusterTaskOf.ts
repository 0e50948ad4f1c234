import { realpathSync } from 'node:fs';
import { relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TaskNotFoundError } from '../../../errors.js';
import type { ModuleReference, TaskReference } from '../../../protocol/messages.js';
import type { ClusterFunction, ClusterTask } from '../protocol/messages.js';
import { hashOf, isInside } from '../protocol/moduleFile.js';

/**
 * Returns a task as it is named to other hosts: by its module's path in the project, and by the hash of the module.
 * @throws TaskNotFoundError where the module lies outside `root`, or is no file
 */
export const clusterTaskOf = (task: TaskReference, root: string): ClusterTask =>
  task.kind === 'source'
    ? { kind: 'source', name: task.name, source: task.source }
    : clusterFunctionOf(task, root);

/** Does the same for a function that is passed to a task. */
export function clusterFunctionOf(task: ModuleReference, root: string): ClusterFunction {
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
  const folder = realPath(resolve(root));
  const found = realPath(file);
  if (!isInside(folder, found))
    throw new TaskNotFoundError(
      task.url,
      task.name,
      `it lies outside the project's root ${folder}, and other hosts would not find it; set \`root\` of bullmq()`,
    );
  let hash = '';
  try {
    hash = hashOf(found);
  } catch {
    // The worker says that it is not there.
  }
  return { kind: 'module', name: task.name, path: relative(folder, found).split(sep).join('/'), hash };
}

/** Returns the real path where there is one, so that a root behind a link is what a module's URL says. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
