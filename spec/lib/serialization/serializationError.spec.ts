import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SerializationError, serializationErrorOf } from '../../../lib/serialization/serializationError.js';

const it = suite('serializationError');

it('a serialization error says the place, if one is known, and the reason', () => {
  const error = new SerializationError('a function', '.a[1]');
  assert.equal(
    [error.name, error.code, error.why, error.path, error.whole, error.text],
    ['SerializationError', 'RX_PARFOR_SERIALIZATION', 'a function', '.a[1]', false, '.a[1] is a function'],
  );
  assert.is(new SerializationError('a function').text, 'it is a function');
});

it('whatever is thrown while a value is read becomes a serialization error', () => {
  const own = new SerializationError('a function');
  assert.is(serializationErrorOf(own), own);
  assert.is(
    serializationErrorOf(new RangeError('no data')).why,
    'unreadable, as reading it threw RangeError: no data',
  );
  assert.is(serializationErrorOf(5, 'a codec, which').why, 'a codec, which threw 5');
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.instance(serializationErrorOf(proxy), SerializationError);
});

it.run();
