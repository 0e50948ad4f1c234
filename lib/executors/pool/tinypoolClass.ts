import { Tinypool } from 'tinypool';
import { isInPackage, requireInstalled } from '../workerEntry.js';

type TinypoolClass = typeof Tinypool;

let found: TinypoolClass | undefined;

/**
 * Returns Tinypool as it can start workers. It does so from files beside its own: where a bundler has put this package
 * into a program's file, that is the Tinypool of the installed package.
 * @throws Error where a bundle runs on a Node that requires no ES modules
 */
export const tinypoolClass = (): TinypoolClass => (found ??= findTinypool());

function findTinypool(): TinypoolClass {
  // Bundlers find `absentTinypool.ts` in its place.
  const imported: TinypoolClass | undefined = Tinypool;
  if (imported && isInPackage()) return imported;
  try {
    return (requireInstalled('tinypool') as { Tinypool: TinypoolClass }).Tinypool;
  } catch (error) {
    if (imported) return imported;
    throw error;
  }
}
