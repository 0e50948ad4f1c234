import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decode, decodeThrown } from '../../../lib/serialization/decode.js';
import { registerClass } from '../../../lib/serialization/registerClass.js';
import { SerializationError } from '../../../lib/serialization/serializationError.js';
import { same } from '../../support/same.js';
import { eachWay, encoderFor, sentValue, ways } from './roundTrip.js';

const it = suite('decode');

it('values that only look as if they were encoded are left alone', () => {
  for (const way of eachWay)
    for (const kind of ['instance', 'buffer', 'view', 'error']) {
      const value = [{ tag: {}, kind, own: [], base: 'Error', name: 'Qobj' }, Buffer.from('a')];
      same(sentValue(value, way), value);
    }
});

it('values are decoded in place, wherever they stand', () => {
  const encoder = encoderFor('threads');
  const message = ways.threads({
    value: encoder.encode({ list: [Buffer.from('a')], map: new Map([['k', new Set([Buffer.from('b')])]]) }),
    tag: encoder.tag,
  }) as { value: { list: unknown[]; map: Map<string, Set<unknown>> }; tag: object };
  const { value } = message;
  assert.is(decode(value, message.tag), value);
  assert.ok(Buffer.isBuffer(value.list[0]));
  assert.ok(Buffer.isBuffer([...(value.map.get('k') as Set<unknown>)][0]));
});

it('a single value is returned as it is', () => {
  for (const value of [1, 'a', null, undefined, true, 5n]) assert.is(decode(value, {}), value);
});

it('a thrown value of a class that is not known here becomes an error that says so', () => {
  class Stranger {}
  registerClass(Stranger, { encode: () => 1, decode: () => new Stranger(), name: 'a stranger to this spec' });
  const encoder = encoderFor('threads');
  const encoded = encoder.encodeThrown({ who: new Stranger() }) as { who: object };
  Object.assign(encoded.who, { name: 'Nobody' });
  assert.throws(
    () => decode(encoded, encoder.tag),
    (error: unknown) => error instanceof SerializationError && /^an instance of Nobody/.test(error.why),
  );
  assert.match(
    (decodeThrown(encoded, encoder.tag) as Error).message,
    /^the task threw a value that cannot be put together here: .*Nobody, which is not registered here/,
  );
});

it.run();
