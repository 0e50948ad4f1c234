// Checked by the compiler alone: nothing here is run.
import { registerClass } from '../../index.js';

class Qobj {
  constructor(readonly data: Float64Array) {}
}
registerClass(Qobj, { encode: q => q.data, decode: data => new Qobj(data) });

// A constructor that nobody may call, or none but subclasses.
class Unit {
  static of(name: string): Unit {
    return new Unit(name);
  }
  private constructor(readonly name: string) {}
}
registerClass(Unit, { encode: unit => unit.name, decode: name => Unit.of(name.trim()) });
abstract class Shape {
  protected constructor(readonly sides: number) {}
}
class Square extends Shape {
  constructor() {
    super(4);
  }
}
registerClass(Shape, { encode: shape => shape.sides, decode: (): Shape => new Square() });

// Generic classes, and built-in ones.
class Box<T> {
  constructor(readonly value: T) {}
}
registerClass(Box, { encode: box => box.value, decode: value => new Box(value) });
class Pair<A extends object, B = number> {
  #a: A;
  constructor(
    a: A,
    readonly b: B,
  ) {
    this.#a = a;
  }
  get a(): A {
    return this.#a;
  }
}
registerClass(Pair, { encode: ({ a, b }) => ({ a, b }), decode: ({ a, b }) => new Pair(a, b), name: 'Pair' });
