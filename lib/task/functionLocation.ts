import process from 'node:process';
import { attempt } from '../errors.js';

/** The place of a function's text. Both numbers count from 0. */
export interface FunctionLocation {
  readonly url: string;
  readonly line: number;
  /** Of the first character that `toString` gives. */
  readonly column: number;
}

interface ScriptParsed {
  readonly params: { readonly scriptId: string; readonly url: string };
}

/** The parts of V8's inspector that say where a function is. */
interface Session {
  connect(): void;
  on(event: string, listener: (message: ScriptParsed) => void): void;
  off(event: string, listener: (message: ScriptParsed) => void): void;
  post(method: string, parameters?: object, callback?: (error: unknown, result: Result) => void): void;
}

interface Result {
  readonly result?: { readonly objectId?: string };
  readonly internalProperties?: readonly {
    readonly name: string;
    readonly value?: { readonly value?: { scriptId: string; lineNumber: number; columnNumber: number } };
  }[];
}

const key = Symbol.for('rx-parfor.located');

const known = new WeakMap<object, FunctionLocation | undefined>();

/**
 * Returns where a function stands, by the inspector of V8; `undefined` where there is none, as in other engines.
 *
 * The first look takes some 15 ms and the next ones some 2: it is for errors, and for functions that import.
 */
export function functionLocation(run: object): FunctionLocation | undefined {
  if (!known.has(run))
    known.set(
      run,
      attempt(() => locate(run), undefined),
    );
  return known.get(run);
}

let connected: Session | undefined;

/** Returns this thread's session. It stays connected: where one ends, so does what a coverage tool counts. */
function inspectorSession(): Session | undefined {
  const inspector = process.getBuiltinModule?.('node:inspector') as
    | { Session: new () => Session }
    | undefined;
  if (!inspector || connected) return connected;
  connected = new inspector.Session();
  connected.connect();
  return connected;
}

function locate(run: object): FunctionLocation | undefined {
  const session = inspectorSession();
  if (!session) return undefined;
  const urls = new Map<string, string>();
  let found: { scriptId: string; lineNumber: number; columnNumber: number } | undefined;
  try {
    (globalThis as Record<symbol, unknown>)[key] = run;
    // Of a session within its own thread all answers come at once.
    session.post(
      'Runtime.evaluate',
      { expression: `globalThis[Symbol.for('${key.description}')]` },
      (_, { result }) =>
        session.post(
          'Runtime.getProperties',
          { objectId: result?.objectId, ownProperties: true },
          (_, properties) => {
            found = properties?.internalProperties?.find(({ name }) => name === '[[FunctionLocation]]')?.value
              ?.value;
          },
        ),
    );
    // `Debugger.enable` ends what a coverage tool counts, which has the URLs of all scripts where there is one.
    if (process.env.NODE_V8_COVERAGE) {
      session.post('Profiler.enable');
      session.post('Profiler.getBestEffortCoverage', {}, (_, { result }) => {
        for (const { scriptId, url } of result as never as { scriptId: string; url: string }[])
          urls.set(scriptId, url);
      });
    } else {
      const hear = ({ params }: ScriptParsed) => urls.set(params.scriptId, params.url);
      session.on('Debugger.scriptParsed', hear);
      session.post('Debugger.enable');
      session.post('Debugger.disable');
      session.off('Debugger.scriptParsed', hear);
    }
  } finally {
    delete (globalThis as Record<symbol, unknown>)[key];
  }
  const url = found && urls.get(found.scriptId);
  if (!found || !url) return undefined;
  return {
    url,
    line: found.lineNumber,
    column: found.columnNumber - inset(Function.prototype.toString.call(run)),
  };
}

/** Returns how far V8's place of a function is behind the start of its text: it is the parenthesis, except of arrows. */
const inset = (source: string): number =>
  /^(async\b\s*)?(\(|[\p{ID_Continue}$]+\s*=>)/u.test(source) ? 0 : Math.max(0, source.indexOf('('));
