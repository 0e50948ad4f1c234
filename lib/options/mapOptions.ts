import type { Observer } from 'rxjs';
import type { Executor } from '../executor.js';
import { progressBar } from '../progress/progressBar.js';
import type { Progress, ProgressObserver } from '../progress/progressMeter.js';
import {
  checkOptions,
  either,
  isPlainObject,
  milliseconds,
  ofType,
  orInfinity,
  type Rule,
  whole,
  yesOrNo,
} from '../runtime/checkOptions.js';
import type { ArgsOf, InputOf, KwargsOf, Nothing, SpreadOf } from '../task/parameters.js';
import { CallSite } from './callSite.js';

/** The tries that an input gets after it has failed. */
export interface RetryOptions {
  /** The number of further tries: a whole number from 0. */
  count: number;
  /** Milliseconds before each of them. Default: 0. */
  delay?: number;
}

/**
 * Options of a run; every operator that runs a task takes them.
 *
 * As the type of a variable of your own, `MapOptions` takes any options, and the task is taken to be given no `args` and
 * `kwargs` that it needs. Where it is, name them: `MapOptions<[y: number], { z: number }>`; and with `spread`,
 * `MapOptions<[], never, true>`.
 * @example
 * const options: MapOptions = { concurrency: 2 };
 * range(0, 3).pipe(parallelMap(x => x + 1, options)).subscribe(console.log);
 */
export interface MapOptions<
  A extends readonly unknown[] = readonly unknown[],
  K extends object = object,
  S extends boolean = boolean,
> {
  /** Passed to every task after the value. They are sent to a worker once, not per input. Default: none. */
  args?: A;
  /** Passed to every task as its last parameter, only when given. Sent once, as `args`. Default: none. */
  kwargs?: K;
  /** Each input is a tuple of positional arguments: `[x, y]` calls `task(x, y)`. Default: `false`. */
  spread?: S;
  /** Rows in input order, or else in completion order. Default: `true`. */
  ordered?: boolean;
  /** Workers that this run may keep busy at once. A whole number from 1, or `Infinity`; default: the executor's `parallelism`. */
  concurrency?: number;
  /** Inputs per chunk, a whole number from 1; or `'auto'`, chosen from measured task time. Default: `'auto'`. */
  chunk?: number | 'auto';
  /** The executor that runs the task. Default: one shared `threads()`, started by its first run. */
  executor?: Executor;
  /**
   * Any observer of `Progress`, such as a Subject or `progressBar(options)`; a function, as `subscribe` takes it; or `true`
   * for a bar on stderr. Default: none.
   */
  progress?: Partial<Observer<Progress>> | ((progress: Progress) => void) | boolean;
  /**
   * `true`: the first failure, in time, ends the run. `false`: go on, emit the good rows, then error with a `MapError`
   * that holds every `TaskError`. Default: `true`.
   */
  failFast?: boolean;
  /** Further tries for an input that has failed: a count, or `{ count, delay }`. Default: 0. */
  retry?: number | RetryOptions;
  /** Milliseconds for one task, from its start. A worker whose task has not returned by then is ended. Default: no limit. */
  taskTimeout?: number;
  /** Milliseconds for the whole run, from subscription. Default: no limit. */
  timeout?: number;
  /**
   * Results that may wait for an earlier one in ordered mode before no further input is given out. A whole number from
   * 1; default: 1024 per worker, or four chunks per worker where those are larger.
   */
  maxBuffered?: number;
}

/** The options of an operator: what `A`, `K` and `S` are inferred from, then held against the task. */
export type OptionsOf<
  F,
  T,
  A extends readonly unknown[],
  K extends object,
  S extends boolean,
> = F extends Nothing
  ? MapOptions<A, K, S>
  : MapOptions<
      ArgsOf<F, InputOf<T, F, A, K, S>, A, S>,
      KwargsOf<F, InputOf<T, F, A, K, S>, A, K, S>,
      SpreadOf<F, InputOf<T, F, A, K, S>, S>
    >;

const isExecutor = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Executor).run === 'function' &&
  'parallelism' in value;

const isObserver = (value: unknown): boolean =>
  isPlainObject(value) && ['next', 'error', 'complete'].some(name => typeof value[name] === 'function');

// Marked as pure: a bundle without an operator leaves them out.
const rules = /* @__PURE__ */ ((): Record<keyof MapOptions, Rule> => ({
  args: ofType('an array', Array.isArray),
  kwargs: ofType('an object', isPlainObject),
  spread: yesOrNo,
  ordered: yesOrNo,
  concurrency: orInfinity(whole(1)),
  chunk: either(
    ofType("'auto'", value => value === 'auto'),
    whole(1),
  ),
  executor: ofType('an executor: threads(), processes(), inline() or one of your own', isExecutor),
  progress: either(
    yesOrNo,
    ofType(
      'an observer, such as progressBar(), or a function',
      value => typeof value === 'function' || isObserver(value),
    ),
  ),
  failFast: yesOrNo,
  retry: either(whole(0), {
    accepts: '{ count, delay }, both from 0',
    test: value => {
      if (!isPlainObject(value)) return 'type';
      // Its own properties only.
      const own: { count?: unknown; delay?: unknown } = Object.assign(Object.create(null), value);
      const { count, delay = 0, ...others } = own;
      if (Object.keys(others).length > 0 || typeof delay !== 'number') return 'type';
      const answer = whole(0).test(count);
      return answer === true && !(delay >= 0 && delay < Infinity) ? 'range' : answer;
    },
  }),
  taskTimeout: milliseconds,
  timeout: milliseconds,
  maxBuffered: whole(1),
}))();

/** Returns what makes the observer of one run's progress. */
function observerMakerOf(owner: string, progress: MapOptions['progress']): Plan['progress'] {
  if (!progress) return undefined;
  if (progress === true) return () => progressBar();
  if ((progress as unknown) === progressBar)
    throw new TypeError(`${owner}: \`progress\` is progressBar itself; call it: progressBar()`);
  return () => (typeof progress === 'function' ? { next: progress } : progress);
}

/** The consequence of an input that has failed for good. */
export type FailureMode =
  /** The first one, in time, ends the run. */
  | 'end the run'
  /** The run goes on, and ends with a `MapError` of all. */
  | 'collect'
  /** They are emitted as rows, and the run completes. */
  | 'emit';

/** The options of one operator, checked, with their defaults. */
export interface Plan {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>> | undefined;
  readonly spread: boolean;
  readonly ordered: boolean;
  /** `undefined` follows the executor. */
  readonly concurrency: number | undefined;
  readonly chunk: number | 'auto';
  /** `undefined` for the one that all runs share which name none. */
  readonly executor: Executor | undefined;
  /** Makes the observer of one run's progress. */
  readonly progress: (() => ProgressObserver) | undefined;
  readonly failures: FailureMode;
  readonly retry: Required<RetryOptions>;
  readonly taskTimeout: number | undefined;
  readonly timeout: number | undefined;
  readonly maxBuffered: number | undefined;
  /** The call of the operator. */
  readonly calledAt: CallSite;
}

/**
 * Checks a task and its options, and fills in the defaults.
 * @param owner the operator's name, for messages
 * @param mode settings of the operator that no option changes
 * @throws TypeError, RangeError naming the option, what it accepts and what it got
 */
export function planOf(
  owner: string,
  task: unknown,
  options: MapOptions | undefined,
  mode: Partial<Pick<Plan, 'executor' | 'concurrency' | 'chunk' | 'failures'>> = {},
): Plan {
  if (typeof task !== 'function')
    throw new TypeError(`${owner}: the task must be a function, got ${task === null ? 'null' : typeof task}`);
  const given = checkOptions<MapOptions>(owner, options, rules);
  const { retry = 0, concurrency, progress } = given;
  // Own properties only.
  const { count, delay = 0 }: RetryOptions = Object.assign(
    Object.create(null),
    typeof retry === 'number' ? { count: retry } : retry,
  );
  if (mode.failures === 'emit' && given.failFast === true)
    throw new TypeError(
      `${owner}: \`failFast\` cannot be true, as no failure ends this run; use parallelMap`,
    );
  return {
    args: given.args ?? [],
    kwargs: given.kwargs as Record<string, unknown> | undefined,
    spread: given.spread ?? false,
    ordered: given.ordered ?? true,
    // As many as there are: the executor says how many those are.
    concurrency: concurrency === Infinity ? undefined : concurrency,
    chunk: given.chunk ?? 'auto',
    executor: given.executor,
    progress: observerMakerOf(owner, progress),
    failures: (given.failFast ?? true) ? 'end the run' : 'collect',
    retry: { count, delay },
    taskTimeout: given.taskTimeout,
    timeout: given.timeout,
    maxBuffered: given.maxBuffered,
    calledAt: new CallSite(),
    ...mode,
  };
}
