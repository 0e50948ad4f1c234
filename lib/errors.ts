/// <reference lib="es2021.promise" preserve="true" />

/** The input that failed: its index, counted from 0 in the order of the source, and its value. */
export interface FailedInput {
  index: number | undefined;
  input: unknown;
}

/** The most characters of a thrown error that a message repeats; the rest is on its `cause`. */
const MAX_TEXT_LENGTH = 2_000;

/** The most characters of a path that a message repeats. */
const MAX_PATH_LENGTH = 200;

const short = (text: string, limit: number) => (text.length > limit ? `${text.slice(0, limit - 1)}…` : text);

/**
 * Returns what `read` gives, or `fallback` where it throws. For all that code of the user may stand behind: a getter, a
 * Proxy, an inspection of one's own.
 */
export function attempt<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}

/** True if a value is an instance of a class. A revoked Proxy is of none, where `instanceof` throws. */
export function isInstance<T>(value: unknown, Class: abstract new (...args: never[]) => T): value is T {
  try {
    return value instanceof Class;
  } catch {
    return false;
  }
}

/** Enough of a value to recognise it in a message, never more than a line. */
function preview(value: unknown): string {
  if (typeof value === 'string') return short(JSON.stringify(value.slice(0, 80)), 60);
  if (typeof value === 'bigint') return short(`${value}n`, 60);
  if (typeof value === 'function')
    return attempt(() => short(`function ${String(value.name)}`, 60), 'a function');
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? '-0' : String(value);
  return attempt(() => previewObject(value), 'an object');
}

function previewObject(value: object): string {
  if (Array.isArray(value)) {
    const shown = Array.from({ length: Math.min(4, value.length) }, (_, i) => value[i] as unknown).map(
      item => (typeof item === 'object' && item ? '…' : preview(item)),
    );
    return short(`[${shown.join(', ')}${value.length > 4 ? ', …' : ''}]`, 60);
  }
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name ?? 'Object';
  if (name !== 'Object') return short(`a ${String(name)}`, 60);
  return short(`{ ${Object.keys(value).slice(0, 4).join(', ')} }`, 60);
}

/** `input 3 (index 1)`, or `the run` where no single one is known. */
const which = ({ index, input }: FailedInput) =>
  index === undefined ? 'the run' : `input ${preview(input)} (index ${index})`;

/** Says in words what was thrown, whatever it is: reading it may throw. */
export function describeThrown(thrown: unknown): string {
  if (!isInstance(thrown, Error)) return `it threw ${preview(thrown)}`;
  const name = attempt(() => String(thrown.name), 'an error');
  const message = attempt(() => String(thrown.message), 'whose message cannot be read');
  return short(message ? `${name}: ${message}` : name, MAX_TEXT_LENGTH);
}

/** Describes what was thrown as `describeThrown` does, with the stack of an error. */
export const describeStack = (thrown: unknown): string =>
  isInstance(thrown, Error)
    ? attempt(() => String(thrown.stack), describeThrown(thrown))
    : describeThrown(thrown);

/** Returns the frames of an error's stack; none where it has no such stack, or none that can be read. */
export const framesOf = (error: unknown): string[] =>
  attempt(() => String((error as Error).stack), '')
    .split('\n    at ')
    .slice(1);

/** Gives the stack of an error other frames, below its name and message. */
export function setFrames(error: Error, frames: readonly string[]): void {
  error.stack = [`${error.name}: ${error.message}`, ...frames].join('\n    at ');
}

/**
 * Gives the prototype of an error class its `name`, as the built-in errors have it, and its `code`, which it returns.
 *
 * Called for a static field, and marked as pure: a bundler then leaves out the classes that nobody uses, as it cannot where
 * a statement calls it or a static block. It is given `this`, because a bundler renames a class that names itself.
 */
export function nameError<Code extends string>(Class: { prototype: object }, name: string, code: Code): Code {
  for (const [key, value] of Object.entries({ name, code }))
    Object.defineProperty(Class.prototype, key, { value, configurable: true, writable: true });
  return code;
}

/**
 * One input's failure, with what the task threw as its `cause`.
 *
 * `cause` is whatever was thrown: an Error keeps its name, message, stack, own properties, `cause` and `errors`, also
 * when it came from another thread or process; an `instanceof` check works for JavaScript's own error classes.
 * @example
 * range(0, 10).pipe(parallelMap(x => { if (x === 7) throw new RangeError('seven'); return x; }))
 *   .subscribe({ error: e => console.log(e.index, e.input, e.cause.message) }); // 7 7 seven
 */
export class TaskError extends Error {
  /** The `code` of its instances, as every error class of this package has it. */
  static readonly code = /* @__PURE__ */ nameError<string>(this, 'TaskError', 'RX_PARFOR_TASK');
  /** Names the kind of failure; each subclass has its own. */
  declare readonly code: string;
  /** The input's place in the source, from 0; `undefined` where the failure is the whole run's. */
  readonly index: number | undefined;
  /** The input itself. */
  readonly input: unknown;

  constructor(failed: FailedInput, cause?: unknown, message?: string) {
    super(
      message ?? `the task failed for ${which(failed)}: ${describeThrown(cause)}`,
      message === undefined || cause !== undefined ? { cause } : undefined,
    );
    this.index = failed.index;
    this.input = failed.input;
  }
}

/** A task ran longer than `taskTimeout`, or (then without an `index`) the run longer than `timeout`. */
export class TaskTimeoutError extends TaskError {
  static override readonly code = /* @__PURE__ */ nameError(
    this,
    'TaskTimeoutError',
    'RX_PARFOR_TASK_TIMEOUT',
  );
  /** The limit that was passed, in ms. */
  readonly timeout: number;

  constructor(failed: FailedInput, timeout: number) {
    super(
      failed,
      undefined,
      failed.index === undefined
        ? `the run did not end within ${timeout} ms; raise \`timeout\`, or sweep fewer inputs`
        : `the task for ${which(failed)} did not return within ${timeout} ms; raise \`taskTimeout\`, or see why this input takes so long`,
    );
    this.timeout = timeout;
  }
}

/** The end of a worker: its exit code where it had one, and the reason in words. */
export interface WorkerExit {
  exitCode: number | undefined;
  reason: string;
  cause?: unknown;
}

/**
 * An input killed its worker each time it ran, alone at last: `process.exit()`, an exhausted heap, a native abort.
 * Other inputs of its chunk are not touched, and the worker is replaced.
 */
export class WorkerCrashError extends TaskError {
  static override readonly code = /* @__PURE__ */ nameError(
    this,
    'WorkerCrashError',
    'RX_PARFOR_WORKER_CRASH',
  );
  /** The exit code of the worker, where it had one. */
  readonly exitCode: number | undefined;
  /** The reason why the worker ended, in words. */
  readonly reason: string;

  constructor(failed: FailedInput, { exitCode, reason, cause }: WorkerExit) {
    super(
      failed,
      cause,
      failed.index === undefined
        ? `no worker can start (${reason}); see that \`execArgv\`, \`env\` and \`resourceLimits\` of the executor suit this Node, and that a bundler leaves rx-parfor and tinypool as they are (external)`
        : `${which(failed)} ends its worker each time it runs (${reason}); run it alone on inline() under a debugger, or raise the executor's \`resourceLimits\``,
    );
    this.exitCode = exitCode;
    this.reason = reason;
  }
}

/** The value that could not cross to or from a worker. */
export type ValueRole = 'input' | 'result' | 'args' | 'kwargs';

/**
 * A value cannot cross to a worker or back: a function, a symbol, or an instance of a class that is not registered.
 * `what` says which value, `index` the input, `path` the place inside it (`.model.solve`, `[3]`, `` for the value itself).
 */
export class NotTransferableError extends TaskError {
  static override readonly code = /* @__PURE__ */ nameError(
    this,
    'NotTransferableError',
    'RX_PARFOR_NOT_TRANSFERABLE',
  );
  readonly what: ValueRole;
  readonly path: string;
  readonly why: string;

  constructor(failed: FailedInput, what: ValueRole, path: string, why: string) {
    const place = short(path, MAX_PATH_LENGTH);
    const where = what === 'args' || what === 'kwargs' ? `\`${what}\`` : `the ${what} of ${which(failed)}`;
    super(
      failed,
      undefined,
      `${what === 'input' ? which(failed) : where} cannot cross to ${what === 'result' ? 'the caller' : 'a worker'}: ${place ? `${place} is ` : 'it is '}${short(why, MAX_TEXT_LENGTH)}`,
    );
    this.what = what;
    this.path = path;
    this.why = why;
  }
}

/** The module of a task, or its export, is not there or does not load; `cause` holds the module's own error. */
export class TaskNotFoundError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'TaskNotFoundError', 'RX_PARFOR_TASK_NOT_FOUND');
  declare readonly code: 'RX_PARFOR_TASK_NOT_FOUND';
  /** The module, as the worker was told to import it. */
  readonly module: string;
  /** The export that should be the task. */
  readonly exportName: string;
  /** The fault that was found. */
  readonly why: string;

  constructor(module: string, exportName: string, why: string, cause?: unknown) {
    super(
      `the task ${exportName} of ${module} was not found: ${why}; see that the module loads by itself and exports the task under the name that is given to task()`,
      cause === undefined ? undefined : { cause },
    );
    this.module = module;
    this.exportName = exportName;
    this.why = why;
  }
}

/**
 * A run was started in a worker and not by one of its tasks: by the module of a task, which each worker loads; or workers
 * were to be started by workers of workers. The run of the program ends with it.
 */
export class RunInWorkerError extends Error {
  static readonly code = /* @__PURE__ */ nameError(this, 'RunInWorkerError', 'RX_PARFOR_RUN_IN_WORKER');
  declare readonly code: 'RX_PARFOR_RUN_IN_WORKER';
}

/** Every failure of a run with `failFast: false`, in the order of the inputs, as `errors`. */
export class MapError extends AggregateError {
  static readonly code = /* @__PURE__ */ nameError(this, 'MapError', 'RX_PARFOR_MAP');
  declare readonly code: 'RX_PARFOR_MAP';
  declare errors: TaskError[];

  constructor(errors: TaskError[], total: number) {
    super(errors, `${errors.length} of ${total} inputs failed; the first: ${errors[0]?.message ?? ''}`);
  }
}
