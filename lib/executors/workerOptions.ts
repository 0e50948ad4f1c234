import { either, isPlainObject, ofType, type Rule, whole } from '../checkOptions.js';
import { physicalCores } from '../physicalCores.js';

/** What `threads()` and `processes()` both take; the names are Tinypool's. */
export interface WorkerOptions {
  /**
   * The most workers, from 1; more than there are physical cores warns once. Default: the number of physical cores that
   * this process may use, and more only where a run asks for more by its `concurrency`.
   */
  maxThreads?: number;
  /** Milliseconds after which an idle worker is ended, from 0; `Infinity` for never. Default: `Infinity`. */
  idleTimeout?: number;
  /** Environment variables of the workers. Default: those of this process. */
  env?: Record<string, string>;
  /** Node's command-line options for the workers. Default: those of this process, less what loads TypeScript. */
  execArgv?: string[];
}

export const executorRules: Record<keyof WorkerOptions | 'resourceLimits', Rule> = {
  maxThreads: whole(1),
  idleTimeout: either(
    whole(0),
    ofType('Infinity', value => value === Infinity),
  ),
  env: ofType('an object of strings', isPlainObject),
  execArgv: ofType('an array of strings', value => Array.isArray(value) && value.every(item => typeof item === 'string')),
  resourceLimits: ofType('an object of limits', isPlainObject),
};

let warned = false;

/** Says once that there are more workers than cores. */
export function warnOfOversubscription(workers: number, cores: number): void {
  if (warned || workers <= cores) return;
  warned = true;
  process.emitWarning(
    `${workers} workers were asked for, and this process may use ${cores} physical cores: tasks that compute will be slower for it`,
    { type: 'OversubscriptionWarning', code: 'RX_PARFOR_OVERSUBSCRIPTION' },
  );
}

/** How many workers, and whether a run may ask for more. */
export function parallelismOf(maxThreads: number | undefined): { parallelism: number; elastic: boolean } {
  const cores = physicalCores();
  if (maxThreads !== undefined) warnOfOversubscription(maxThreads, cores);
  return { parallelism: maxThreads ?? cores, elastic: maxThreads === undefined };
}

/**
 * This process's own options, less those that workers cannot use: tsx's loader does not reach them by that way (they
 * register it themselves, for `.ts` modules only), and `--input-type` is for programs that are not files.
 */
export function execArgvOf(given: string[] | undefined): string[] {
  if (given) return given;
  const kept: string[] = [];
  for (let i = 0; i < process.execArgv.length; i++) {
    const option = process.execArgv[i] as string;
    const takesValue = /^(--import|--require|-r|--loader|--experimental-loader|-e|--eval|-p|--print|--input-type)$/.test(option);
    const value = takesValue ? process.execArgv[i + 1] : option;
    const drop =
      /^(-e|--eval|-p|--print|--input-type)(=|$)/.test(option) ||
      (/^(--import|--require|-r|--loader|--experimental-loader)/.test(option) && /(^|[/\\=])tsx([/\\]|$)/.test(value ?? '')) ||
      /^--(inspect|test)/.test(option);
    if (!drop) kept.push(option, ...(takesValue && value !== undefined ? [value] : []));
    if (takesValue) i += 1;
  }
  return kept;
}
