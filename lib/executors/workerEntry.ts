import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The module that workers run: beside this one, or that of the installed package where a bundler has put this one into
 * a program's own file.
 */
export function workerEntry(): string {
  const beside = new URL('../worker/entry.js', import.meta.url);
  if (existsSync(fileURLToPath(beside))) return beside.href;
  return import.meta.resolve('rx-parfor/worker');
}
