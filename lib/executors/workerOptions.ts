import { isPlainObject, ofType, orInfinity, type Rule, whole } from '../runtime/checkOptions.js';
import { physicalCores } from './physicalCores.js';

/** Options of both `threads()` and `processes()`; the names are Tinypool's. */
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

/** The rules of the options of executors whose workers are Node's. */
export const executorRules = /* @__PURE__ */ ((): Record<keyof WorkerOptions | 'resourceLimits', Rule> => ({
  maxThreads: whole(1),
  idleTimeout: orInfinity(whole(0)),
  env: ofType('an object of strings', isPlainObject),
  execArgv: ofType(
    'an array of strings',
    value => Array.isArray(value) && value.every(item => typeof item === 'string'),
  ),
  resourceLimits: ofType('an object of limits', isPlainObject),
}))();

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

/** Returns the number of workers, and whether a run may ask for more. */
export function parallelismOf(maxThreads: number | undefined): { parallelism: number; elastic: boolean } {
  const cores = physicalCores();
  if (maxThreads !== undefined) warnOfOversubscription(maxThreads, cores);
  return { parallelism: maxThreads ?? cores, elastic: maxThreads === undefined };
}

/** Loaders that workers do not get from here: tsx does not reach them this way, they register it for `.ts` modules. */
const isTsx = (value: string | undefined): boolean => /(^|[/\\=])tsx([/\\]|$)/.test(value ?? '');

/** Options that name a module to load first, each with its value. */
const LOADS = /^(--import|--require|-r|--loader|--experimental-loader)(=|$)/;
/** Options of a program that is not a file, of a debugger or a test runner: not for workers. */
const NOT_FOR_WORKERS = /^(-e|--eval|-p|--print|--input-type|--inspect[\w-]*|--test[\w-]*)(=|$)/;
const TAKES_VALUE =
  /^(--import|--require|-r|--loader|--experimental-loader|-C|--conditions|-e|--eval|-p|--print|--input-type)$/;

/** The program that ts-node adds to a process's options, with options of its own behind it. */
const TS_NODE = /[/\\]ts-node[/\\]dist[/\\]bin[\w-]*\.js$/;

/** This process's own options that a child process can use. */
function inheritedOptions(): string[] {
  const kept: string[] = [];
  for (let i = 0; i < process.execArgv.length; i++) {
    const option = process.execArgv[i] as string;
    // It would run the worker's program, and load TypeScript as that one's folder says.
    if (TS_NODE.test(option)) break;
    const value = TAKES_VALUE.test(option) ? process.execArgv[++i] : undefined;
    if (NOT_FOR_WORKERS.test(option) || (LOADS.test(option) && isTsx(value ?? option))) continue;
    kept.push(option, ...(value === undefined ? [] : [value]));
  }
  return kept;
}

/** `execArgv` for child processes. */
export const processArguments = (given: string[] | undefined): string[] => given ?? inheritedOptions();

/**
 * `execArgv` for threads, where it must be given at all: a thread inherits by itself, and refuses options that concern
 * the whole process; only `--input-type` would keep it from loading a file.
 */
export function threadArguments(given: string[] | undefined): { execArgv?: string[] } {
  if (given) return { execArgv: given };
  if (!process.execArgv.some(option => option.startsWith('--input-type'))) return {};
  const kept = inheritedOptions();
  return { execArgv: kept.filter((option, i) => LOADS.test(option) || LOADS.test(kept[i - 1] ?? '')) };
}
