// A plugin of esbuild that makes a bundle keep to JavaScript's built-ins as they are when it loads. Tasks may replace globals
// and their functions in the worker that they share with it: test tools, polyfills and emulated pages do.

const file = 'built-ins-at-load';

/** The built-ins that the worker's own code uses. `spec/lib/worker/replacedGlobals.spec.ts` replaces them all. */
const globals = `
  AggregateError Array ArrayBuffer Atomics BigInt Boolean Buffer DataView Date DOMException Error Float64Array Function
  Int32Array JSON Map Math MessageChannel Number Object Promise Proxy RangeError ReferenceError Reflect RegExp Set
  SharedArrayBuffer String structuredClone Symbol SyntaxError TypeError Uint32Array Uint8Array URL WeakMap WeakSet
  WebAssembly`
  .trim()
  .split(/\s+/);

/** Returns the functions of a built-in, such as `Object.keys`. Those of promises need their class as `this`. */
function functionsOf(name) {
  const builtIn = globalThis[name];
  const keys = Object.getOwnPropertyNames(builtIn).filter(
    key => typeof Object.getOwnPropertyDescriptor(builtIn, key).value === 'function' && key !== 'prototype',
  );
  return keys.map(key => ({
    key,
    value: name === 'Promise' ? `Promise.${key}.bind(Promise)` : `${name}.${key}`,
  }));
}

/** Returns the module that takes them. What a bundle does not use is left out of it. */
function moduleText() {
  const lines = globals.map(
    name => `const ${name} = /* @__PURE__ */ (() => globalThis.${name})();\nexport { ${name} };`,
  );
  for (const name of globals) {
    for (const { key, value } of functionsOf(name)) {
      lines.push(`const ${name}_${key} = /* @__PURE__ */ (() => ${value})();`);
      lines.push(`export { ${name}_${key} as '${name}.${key}' };`);
    }
  }
  return lines.join('\n');
}

export const intrinsics = {
  name: 'intrinsics',
  setup(build) {
    build.initialOptions.inject = [...(build.initialOptions.inject ?? []), file];
    build.onResolve({ filter: new RegExp(`^${file}$`) }, () => ({ path: file, namespace: file }));
    build.onLoad({ filter: /.*/, namespace: file }, () => ({ contents: moduleText() }));
  },
};
