import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode } from '../../../lib/serialization/decode.js';
import { registerClass, registeredClass } from '../../../lib/serialization/registerClass.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';
import { Circuit, Ket, Qobj } from '../../fixtures/qobj.js';
import { eachWay, encoderFor, sentRows } from './roundTrip.js';

const it = suite('registerClass');

class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
  length(): number {
    return Math.hypot(this.x, this.y);
  }
}
const codec = {
  encode: ({ x, y }: Point) => [x, y] as const,
  decode: ([x, y]: readonly [number, number]) => new Point(x, y),
};

it('instances of a registered class cross with their methods', () => {
  registerClass(Point, codec);
  for (const way of eachWay) {
    const [row, list] = sentRows([new Point(3, 4), [{ at: new Point(6, 8) }]], way) as [
      Point,
      [{ at: Point }],
    ];
    assert.instance(row, Point);
    assert.equal([row.length(), list[0].at.length()], [5, 10]);
  }
});

it('instances cross inside of others, once each', () => {
  const q = new Qobj(Float64Array.of(1, 0));
  for (const way of eachWay) {
    const [circuit] = sentRows(
      [
        new Circuit(
          'c',
          new Map([
            ['a', q],
            ['b', q],
          ]),
        ),
      ],
      way,
    ) as [Circuit];
    assert.equal(circuit.norms(), [1, 1]);
    assert.is(circuit.parts.get('a'), circuit.parts.get('b'));
  }
});

it('a registered class is known by exactly its prototype', () => {
  assert.is(registeredClass(Qobj.prototype)?.name, 'Qobj');
  assert.is(registeredClass('Qobj')?.prototype, Qobj.prototype);
  assert.is(registeredClass(Ket.prototype), undefined, 'a subclass is a class of its own');
  assert.throws(
    () => encoderFor('threads').encode({ ket: new Ket(Float64Array.of(1)) }),
    (error: SerializationError) =>
      error.path === '.ket' && /an instance of Ket.*registerClass\(Ket/.test(error.why),
  );
});

it('a class that is registered again has its new codec', () => {
  registerClass(Point, codec);
  registerClass(Point, { ...codec, decode: ([x, y]) => new Point(x + 1, y) });
  assert.is((sentRows([[new Point(1, 2)]], 'threads') as [[Point]])[0][0].x, 2);
  registerClass(Point, codec);
});

it('two classes of one name can be registered under different ones', () => {
  const other = (() => {
    class Point {
      readonly other = true;
    }
    return Point;
  })();
  const plain = { encode: () => null, decode: () => new other() };
  assert.throws(
    () => registerClass(other, plain),
    /another class is registered as Point; give one of them its own `name`/,
  );
  registerClass(other, { ...plain, name: 'other.Point' });
  const [both] = sentRows([[new Point(1, 2), new other()]], 'processes') as [[Point, { other: boolean }]];
  assert.instance(both[0], Point);
  assert.instance(both[1], other);
});

it('registerClass refuses what is no class and no codec', () => {
  const wrong = registerClass as (Class: unknown, codec: unknown) => void;
  for (const Class of [undefined, null, {}, 'Point', (x: number) => x])
    assert.throws(() => wrong(Class, codec), /registerClass: the first argument must be a class/);
  class Other {}
  assert.throws(
    () => wrong(Other, undefined),
    /registerClass\(Other\): `encode` must be a function, got undefined/,
  );
  assert.throws(
    () => wrong(Other, { encode: () => 1 }),
    /registerClass\(Other\): `decode` must be a function/,
  );
  assert.throws(
    () => wrong(Other, { encode: () => 1, decode: 5 }),
    /`decode` must be a function, got number/,
  );
  for (const error of [() => wrong(null, codec), () => wrong(Other, {})])
    try {
      error();
    } catch (error) {
      assert.instance(error, TypeError);
    }
});

it('an instance of a class that is not known where it arrives is refused, and nothing around it is lost', () => {
  class Nomad {}
  registerClass(Nomad, { encode: () => 1, decode: () => new Nomad(), name: 'a name for this spec' });
  const encoder = encoderFor('threads');
  const encoded = encoder.encode({
    map: new Map([
      ['a', 1 as unknown],
      ['n', new Nomad()],
      ['z', 2],
    ]),
  }) as { map: Map<string, { name: string }> };
  Object.assign(encoded.map.get('n') as object, { name: 'nobody' });
  for (let time = 0; time < 2; time++) {
    assert.throws(
      () => decode(encoded, encoder.tag),
      (error: unknown) =>
        error instanceof SerializationError &&
        /an instance of nobody, which is not registered here/.test(error.why),
    );
    assert.is(encoded.map.size, 3, 'and loses nothing of what is around it');
  }
});

it('a codec that gives what cannot cross, or throws, is refused with the place', () => {
  class Leaky {
    constructor(readonly how: string) {}
  }
  registerClass(Leaky, {
    encode: ({ how }) => {
      if (how === 'throws') throw new RangeError('no data');
      return how === 'itself' ? { leaky: new Leaky(how) } : { deep: [() => 1] };
    },
    decode: () => new Leaky(''),
  });
  const refusal = (how: string) => {
    try {
      encoderFor('threads').encode({ a: new Leaky(how) });
    } catch (error) {
      return error as SerializationError;
    }
    throw new Error('it was encoded');
  };
  assert.equal([refusal('function').path, refusal('throws').path], ['.a.deep[0]', '.a']);
  assert.match(refusal('throws').why, /an instance of Leaky, whose `encode`.* threw RangeError: no data/);
  assert.match(refusal('itself').why, /nested/);
});

it.run();
