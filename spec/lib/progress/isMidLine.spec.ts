import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isMidLine } from '../../../lib/progress/isMidLine.js';

/** Whether the cursor is behind text after these writes, one after the other. */
const after = (...chunks: unknown[]): boolean =>
  chunks.reduce<boolean>((before, chunk) => isMidLine(chunk, before), false);

test('text without a line break leaves the cursor in the middle of a line, until one comes', () => {
  assert.is(after('x = '), true);
  assert.is(after('x = ', '1'), true);
  assert.is(after('x = ', ''), true);
  assert.is(after('x = ', '1\n'), false);
  assert.is(after('x = ', '\ny'), true);
  assert.is(after('one\ntwo\n'), false);
  assert.is(after('one\r\n'), false);
  assert.is(after('one\r'), true);
});

test('what a stream refuses to write changes nothing', () => {
  for (const chunk of [undefined, null, 1, {}]) {
    assert.is(after(chunk), false);
    assert.is(after('text', chunk), true);
  }
});

test('bytes count as the text that they are', () => {
  assert.is(after(Buffer.from('é = ')), true);
  assert.is(after(Buffer.from('é\n')), false);
  assert.is(after('a', new TextEncoder().encode('b\nc')), true);
  assert.is(after('a', new Uint8Array()), true);
});

test('escape sequences are no text, wherever they stand', () => {
  for (const code of [
    '\u001b[31m',
    '\u001b[38;5;208m',
    '\u001b[?25l',
    '\u001b]0;the title of a window\u0007',
    '\u001b]8;;https://example.org\u001b\\',
    '\u001b7',
    '\u001b(B',
    '\u0007',
  ]) {
    assert.is(after(code), false, JSON.stringify(code));
    assert.is(after('text', code), true, JSON.stringify(code));
    assert.is(after(`text\n${code}`), false, JSON.stringify(code));
    assert.is(after(`${code}text`), true, JSON.stringify(code));
  }
});

test('an erased line or screen is an empty one', () => {
  for (const code of ['\u001b[2K\u001b[1G', '\u001b[2J\u001b[H', '\u001b[1;1H\u001b[0J']) {
    assert.is(after('⠋ working', code), false, JSON.stringify(code));
    assert.is(after('⠋ working', `${code}⠙ working`), true, JSON.stringify(code));
  }
});

test('a long text is read only behind its last line break', () => {
  const long = `${'\u001b[31mrow\n'.repeat(100_000)}end`;
  assert.is(after(long), true);
  assert.is(after(`${long}\n`), false);
});

test.run();
