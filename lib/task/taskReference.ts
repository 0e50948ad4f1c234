import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TaskReference } from '../protocol/messages.js';
import { sloppyMark } from '../protocol/shippedScript.js';
import { markOf } from '../serialization/markedFunctions.js';
import { functionLocation } from './functionLocation.js';
import type { Task } from './task.js';

/** True for a function of a script without 'use strict'; of arrow functions nothing tells. */
const isSloppy = (run: Task): boolean => Object.hasOwn(run, 'caller');

/** Makes the error of a function that cannot be a task. */
const invalidTask = (message: string): TypeError =>
  Object.defineProperty(new TypeError(message), 'code', {
    value: 'RX_PARFOR_INVALID_TASK',
    configurable: true,
  });

/** An `import()` whose module is found from the file that it is written in: of others the specifier says it all. */
const IMPORT_FROM_HERE = /\bimport\b(?!\s*\(\s*(['"`])(?:node|file|data|https?):)/;

/** Returns the file that a function is written in; what was typed in or evaluated is in none. */
function fileOf(run: Task): string | undefined {
  const url = functionLocation(run)?.url ?? '';
  if (isAbsolute(url)) return pathToFileURL(url).href;
  return url.startsWith('file:') ? url : undefined;
}

/**
 * Returns the way in which a worker finds the task: its module, or its source.
 * @throws TypeError for a function that has no source to ship
 */
export function taskReference(run: Task): TaskReference {
  const marked = markOf(run);
  if (marked) return marked;
  const source = Function.prototype.toString.call(run);
  const name = run.name || 'anonymous';
  if (/^class\b(?!\s*\()/.test(source))
    throw invalidTask(
      `the task is the class ${name}; pass x => new ${name}(x) of a module, marked with task()`,
    );
  if (/\{\s*\[native code\]\s*\}\s*$/.test(source))
    throw invalidTask(
      `the task ${name} is built in or bound and has no source to ship; wrap it (x => Math.sqrt(x)), or mark a function of a module with task()`,
    );
  const properties = Object.keys(run);
  if (properties.length > 0)
    throw invalidTask(
      `the task ${name} has properties of its own (${properties.slice(0, 4).join(', ')}), which do not go with its source; pass them through \`kwargs\`, or mark a function of a module with task()`,
    );
  const from = IMPORT_FROM_HERE.test(source) ? fileOf(run) : undefined;
  return { kind: 'source', name, source: isSloppy(run) ? sloppyMark + source : source, from };
}
