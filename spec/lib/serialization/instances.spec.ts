import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode } from '../../../lib/serialization/decode.js';
import { registerClass } from '../../../lib/serialization/registerClass.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';
import { eachWay, encoderFor, refusal, sentValue } from './roundTrip.js';

const it = suite('instances');

class Celsius {
  constructor(readonly degrees: number) {}
}

it('an instance that stands in several places arrives as one, made by its codec', () => {
  registerClass(Celsius, {
    encode: ({ degrees }) => ({ degrees }),
    decode: ({ degrees }) => new Celsius(degrees),
  });
  for (const way of eachWay) {
    const mild = new Celsius(20);
    const [a, { b }] = sentValue([mild, { b: mild }], way) as [Celsius, { b: Celsius }];
    assert.instance(a, Celsius);
    assert.equal([a.degrees, a === b], [20, true]);
  }
});

it('a codec that throws is told of its instance, on either side', () => {
  const broken = () => {
    throw new RangeError('too cold');
  };
  registerClass(Celsius, { encode: broken, decode: broken });
  assert.match(
    refusal({ at: new Celsius(1) }).text,
    /^\.at is an instance of Celsius, whose `encode` given to registerClass threw RangeError: too cold$/,
  );
  registerClass(Celsius, { encode: () => 1, decode: broken });
  const encoder = encoderFor('threads');
  const encoded = encoder.encode(new Celsius(1));
  assert.throws(
    () => decode(encoded, encoder.tag),
    (error: unknown) =>
      error instanceof SerializationError &&
      /^an instance of Celsius, whose `decode`.*too cold$/.test(error.why),
  );
});

it.run();
