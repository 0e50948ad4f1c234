import { attempt, framesOf, isInstance, setFrames } from '../errors.js';
import type { Shipped } from './shippedFunction.js';

/** Returns the variable that a thrown value says is not defined. */
function freeVariable(error: unknown): string | undefined {
  if (!isInstance(error, ReferenceError)) return undefined;
  return attempt(() => /^(\S+) is not defined$/.exec(error.message)?.[1], undefined);
}

/** True if a thrown value says that a property of `this` was asked for, and `this` is undefined, as far as can be told. */
function isOfThis(error: unknown, source: string): boolean {
  if (!isInstance(error, TypeError)) return false;
  const message = attempt(() => String(error.message), '');
  if (/^Cannot destructure .* of 'this'/.test(message)) return true;
  const property = /^Cannot (?:read|set) properties of undefined \((?:reading|setting) '(.+)'\)$/.exec(
    message,
  )?.[1];
  return (
    property !== undefined &&
    new RegExp(`\\bthis\\s*\\.\\s*${property.replace(/\W/g, '\\$&')}(?![\\w$])`).test(source)
  );
}

/** Makes an error that says more than another one, with the same frames. */
function explained(Class: typeof TypeError, message: string, cause: unknown): Error {
  const error = new Class(message, { cause });
  setFrames(error, framesOf(cause));
  return error;
}

/** Returns what to do about a variable that stayed behind. */
function remedyOf(variable: string, task: string): string {
  if (variable === 'require') return "Use `await import('…')` inside the task";
  if (/^__(awaiter|generator|rest|spreadArray|assign|values|read)$/.test(variable))
    return 'It comes from a compiler with an old target: compile for ES2018 or later';
  if (variable === task)
    return `If the task means itself, write it as a named function, \`function ${task}(…) { … }\`, which knows its name; if another ${variable} is meant, call the task otherwise`;
  return `Pass ${variable} through \`args\` or \`kwargs\``;
}

/** Returns an error that says what to do about one of a shipped function, and anything else as it is. */
export function explainFailure(error: unknown, { name, source }: Shipped): unknown {
  const variable = freeVariable(error);
  if (variable !== undefined)
    return explained(
      ReferenceError,
      `${variable} is not defined where the task runs: a plain function is shipped to a worker as its source, without the variables around it. ${remedyOf(variable, name)}, or export the task from a module with task(import.meta, …), or run it on inline().`,
      error,
    );
  if (isOfThis(error, source))
    return explained(
      TypeError,
      `\`this\` is undefined where the task ${name} runs: a function is shipped to a worker without the object that it is a method of. Pass what it needs through \`args\` or \`kwargs\`, or export a task from a module with task(import.meta, …). (${(error as Error).message})`,
      error,
    );
  return error;
}
