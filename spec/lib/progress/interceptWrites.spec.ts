import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { interceptWrites } from '../../../lib/progress/interceptWrites.js';

type Write = NodeJS.WriteStream['write'];

/** A stream that inherits its `write`, as those of Node do, and what reaches it. */
function sink() {
  const written: unknown[] = [];
  const prototype = {
    write(text: unknown) {
      written.push(text);
      return true;
    },
  };
  return { stream: Object.create(prototype) as { write: Write }, prototype, written };
}

/** Puts a function over `write` that marks what passes. */
function over(stream: { write: Write }, mark: string): { restore(): void } {
  const before = stream.write;
  stream.write = function (this: unknown, text: string) {
    return before.call(this as NodeJS.WriteStream, `${mark}${text}`);
  } as Write;
  return { restore: () => (stream.write = before) };
}

test('a handler hears of each write and lets it pass', () => {
  const { stream, written } = sink();
  const heard: unknown[] = [];
  const interception = interceptWrites(stream, (pass, chunk) => {
    heard.push(chunk);
    return pass();
  });
  assert.is(stream.write('a'), true);
  interception.write('b', () => undefined);
  assert.equal([heard, written], [['a'], ['a', 'b']]);
});

test('the release puts back exactly what was there', () => {
  const inherited = sink();
  interceptWrites(inherited.stream, pass => pass()).release();
  assert.not.ok(Object.hasOwn(inherited.stream, 'write'));

  const own = sink();
  const descriptor = { value: own.prototype.write, writable: true, enumerable: false, configurable: true };
  Object.defineProperty(own.stream, 'write', descriptor);
  interceptWrites(own.stream, pass => pass()).release();
  assert.equal(Object.getOwnPropertyDescriptor(own.stream, 'write'), descriptor);
});

test('a function that others put over ours stays at the release, and ours passes all on', () => {
  const { stream, written } = sink();
  let heard = 0;
  const interception = interceptWrites(stream, pass => {
    heard += 1;
    return pass();
  });
  over(stream, '>');
  stream.write('a');
  interception.release();
  stream.write('b');
  assert.equal([heard, written], [1, ['>a', '>b']]);
});

test('ours is used again where others put it back late, and leaves nothing then', () => {
  const { stream, written } = sink();
  const first = interceptWrites(stream, pass => pass());
  const other = over(stream, '>');
  first.release();
  other.restore();
  const ours = stream.write;
  let heard = 0;
  const second = interceptWrites(stream, pass => {
    heard += 1;
    return pass();
  });
  assert.is(stream.write, ours);
  stream.write('a');
  second.release();
  assert.not.ok(Object.hasOwn(stream, 'write'));
  assert.equal([heard, written], [1, ['a']]);
});

test('two may listen to one stream, and may leave in any order', () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const { stream, written } = sink();
    const heard = [0, 0];
    const interceptions = [0, 1].map(i =>
      interceptWrites(stream, pass => {
        heard[i]! += 1;
        return pass();
      }),
    );
    stream.write('a');
    for (const i of order) interceptions[i]?.release();
    stream.write('b');
    assert.equal(
      [heard, written],
      [
        [1, 1],
        ['a', 'b'],
      ],
    );
  }
});

test.run();
