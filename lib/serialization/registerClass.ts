/** Turns instances of a class into data that can cross, and back. */
export interface ClassCodec<T, Data> {
  /** Returns data that stands for the instance: whatever structured clone carries, other registered classes included. */
  encode(instance: T): Data;
  /** Makes an instance of such data. */
  decode(data: Data): T;
  /** The name that both sides know the class by. Default: the class's own name. */
  name?: string;
}

/** A class by its prototype: its constructor may be private; of other functions the prototype is `any`. */
export type ClassOf<T> = NewableFunction & { readonly prototype: T } & (0 extends 1 & T
    ? abstract new (
        ...args: never[]
      ) => T
    : unknown);

export interface RegisteredClass {
  readonly name: string;
  readonly prototype: object;
  encode(instance: unknown): unknown;
  decode(data: unknown): unknown;
}

// One registry for each thread, also where a bundler has put a second copy of this module into the program.
const key = Symbol.for('rx-parfor.classes');
const registry: Map<string | object, RegisteredClass> = ((globalThis as Record<symbol, unknown>)[key] ??=
  new Map()) as Map<string | object, RegisteredClass>;

/** Returns the registered class of exactly this prototype, or of this name. */
export const registeredClass = (nameOrPrototype: string | object): RegisteredClass | undefined =>
  registry.get(nameOrPrototype);

/**
 * Lets instances of a class cross to workers and back, with their methods.
 *
 * Call it in a module that both sides import: the one that defines the class, and that the task's module imports.
 * A subclass is a class of its own.
 * @param Class the class; its instances are recognised by their prototype
 * @param codec `encode` and `decode`; `name` where two classes of one name must be told apart
 * @throws TypeError where `codec` lacks a function, or another class is registered under the name
 * @example
 * registerClass(Qobj, { encode: q => q.data, decode: data => new Qobj(data) });
 */
export function registerClass<T extends object, Data>(Class: ClassOf<T>, codec: ClassCodec<T, Data>): void {
  if (typeof Class !== 'function' || typeof Class.prototype !== 'object')
    throw new TypeError('registerClass: the first argument must be a class');
  for (const part of ['encode', 'decode'] as const)
    if (typeof codec?.[part] !== 'function')
      throw new TypeError(
        `registerClass(${Class.name}): \`${part}\` must be a function, got ${typeof codec?.[part]}`,
      );
  const name = codec.name ?? Class.name;
  const known = registry.get(name);
  if (known && known.prototype !== Class.prototype)
    throw new TypeError(
      `registerClass: another class is registered as ${name}; give one of them its own \`name\``,
    );
  const entry: RegisteredClass = {
    name,
    prototype: Class.prototype,
    encode: instance => codec.encode(instance as T),
    decode: data => codec.decode(data as Data),
  };
  registry.set(name, entry);
  registry.set(Class.prototype, entry);
}
