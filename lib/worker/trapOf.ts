/** Every way in which an object can be asked for something. */
const WAYS = [
  'get',
  'set',
  'has',
  'deleteProperty',
  'defineProperty',
  'getOwnPropertyDescriptor',
  'getPrototypeOf',
  'ownKeys',
] as const;

/**
 * Makes an object that stands for one which a shipped function has left behind, and throws when it is used: to go on
 * with `undefined`, or with what `Object.prototype` has, would give wrong rows.
 * @param name the function's name
 * @param word what the function calls the object
 */
export function trapOf(name: string, word: string): object {
  const fail = () => {
    throw new TypeError(
      `the task ${name} uses ${word}, which does not go with its source as it is shipped to a worker; pass what it needs through \`args\` or \`kwargs\`, or mark a function of a module with task(import.meta, …), or run it on inline()`,
    );
  };
  return new Proxy({}, Object.fromEntries(WAYS.map(way => [way, fail])));
}
