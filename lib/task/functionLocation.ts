import process from 'node:process';
import { attempt } from '../errors.js';

/** The place of a function's text. Both numbers count from 0. */
export interface FunctionLocation {
  readonly url: string;
  readonly line: number;
  /** Of the first character that `toString` gives. */
  readonly column: number;
}

interface Script {
  readonly scriptId: string;
  readonly url: string;
}

interface ScriptPlace {
  readonly scriptId: string;
  readonly lineNumber: number;
  readonly columnNumber: number;
}

/** The parts of V8's inspector that say where a function is. */
interface Session {
  connect(): void;
  on(event: string, listener: (message: { readonly params: Script }) => void): void;
  off(event: string, listener: (message: { readonly params: Script }) => void): void;
  post(method: string, parameters?: object, callback?: (error: unknown, answer: Answer) => void): void;
}

interface Answer {
  readonly result?: unknown;
  readonly internalProperties?: readonly {
    readonly name: string;
    readonly value?: { readonly value?: ScriptPlace };
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
  if (connected) return connected;
  const inspector = process.getBuiltinModule?.('node:inspector') as
    | { Session: new () => Session }
    | undefined;
  if (!inspector) return undefined;
  connected = new inspector.Session();
  connected.connect();
  return connected;
}

function locate(run: object): FunctionLocation | undefined {
  const session = inspectorSession();
  const place = session && placeOf(run, session);
  const url = place && urlsOf(session).get(place.scriptId);
  if (!url) return undefined;
  return {
    url,
    line: place.lineNumber,
    column: place.columnNumber - inset(Function.prototype.toString.call(run)),
  };
}

/** Returns the global object that the inspector evaluates in. It is not the one here where jest runs a program, in a context of its own. */
const inspectedGlobal = (): Record<symbol, unknown> =>
  (process.getBuiltinModule('node:vm') as typeof import('node:vm')).runInThisContext('globalThis');

/** Returns the place of a function in its script. Of a session within its own thread all answers come at once. */
function placeOf(run: object, session: Session): ScriptPlace | undefined {
  let place: ScriptPlace | undefined;
  const shared = inspectedGlobal();
  try {
    shared[key] = run;
    session.post(
      'Runtime.evaluate',
      { expression: `globalThis[Symbol.for('${key.description}')]` },
      (_, { result }) =>
        session.post(
          'Runtime.getProperties',
          { objectId: (result as { objectId?: string }).objectId, ownProperties: true },
          (_, { internalProperties = [] }) => {
            place = internalProperties.find(({ name }) => name === '[[FunctionLocation]]')?.value?.value;
          },
        ),
    );
  } finally {
    delete shared[key];
  }
  return place;
}

/** Returns the URLs of this thread's scripts. */
function urlsOf(session: Session): Map<string, string> {
  const urls = new Map<string, string>();
  // `Debugger.enable` ends what a coverage tool counts, which has the URLs of all scripts where there is one.
  if (process.env.NODE_V8_COVERAGE) {
    session.post('Profiler.enable');
    session.post('Profiler.getBestEffortCoverage', {}, (_, { result }) => {
      for (const { scriptId, url } of result as readonly Script[]) urls.set(scriptId, url);
    });
    return urls;
  }
  const hear = ({ params }: { readonly params: Script }) => urls.set(params.scriptId, params.url);
  session.on('Debugger.scriptParsed', hear);
  session.post('Debugger.enable');
  session.post('Debugger.disable');
  session.off('Debugger.scriptParsed', hear);
  return urls;
}

/** Returns how far V8's place of a function is behind the start of its text: it is the parenthesis, except of arrows. */
const inset = (source: string): number =>
  /^(async\b\s*)?(\(|[\p{ID_Continue}$]+\s*=>)/u.test(source) ? 0 : Math.max(0, source.indexOf('('));
