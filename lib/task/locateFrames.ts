import { findSourceMap } from 'node:module';
import { attempt, isInstance } from '../errors.js';
import { LINES_BEFORE, shippedScript } from '../protocol/shippedScript.js';
import { type FunctionLocation, functionLocation } from './functionLocation.js';
import type { Task } from './task.js';

/** The most causes of an error that are looked at. */
const MAX_CAUSES = 8;

const framesOfTask = new RegExp(`${shippedScript}:(\\d+):(\\d+)`, 'g');

/** Returns a place as the user has written it, where there is a source map. Numbers count from 0. */
function original({ url, line, column }: FunctionLocation): FunctionLocation {
  const entry = attempt(() => findSourceMap(url)?.findEntry(line, column), undefined);
  if (!entry || !('originalSource' in entry)) return { url, line, column };
  return { url: entry.originalSource, line: entry.originalLine, column: entry.originalColumn };
}

/** Returns where a place of a shipped function's script is in the user's file. */
function placeOf(location: FunctionLocation, scriptLine: number, scriptColumn: number): string {
  const line = scriptLine - 1 - LINES_BEFORE;
  const column = scriptColumn - 1 + (line === 0 ? location.column : 0);
  const { url, ...place } = original({ url: location.url, line: location.line + line, column });
  return `${url}:${place.line + 1}:${place.column + 1}`;
}

/** Puts the user's file into the stack of what a shipped function threw, and of its causes. */
export function locateFrames(thrown: unknown, task: Task): void {
  let error = thrown;
  for (let i = 0; i < MAX_CAUSES && isInstance(error, Error); i++) {
    const at: Error = error;
    attempt(() => {
      const { stack } = at;
      if (typeof stack !== 'string' || !stack.includes(shippedScript)) return;
      const location = functionLocation(task);
      if (!location) return;
      at.stack = stack.replace(framesOfTask, (_, line, column) => placeOf(location, +line, +column));
    }, undefined);
    error = attempt(() => at.cause, undefined);
  }
}
