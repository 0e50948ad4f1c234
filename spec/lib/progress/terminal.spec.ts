import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { progressBar } from '../../../lib/progress/progressBar.js';
import { run } from '../../support/program.js';
import { at, screen } from './screen.js';

const term = process.env.TERM;
test.before(() => {
  process.env.TERM = 'xterm';
});
test.after(() => {
  if (term === undefined) delete process.env.TERM;
  else process.env.TERM = term;
});

/** How far a run is, on a row without its bar. */
const brief = (rows: string[]): string[] => rows.map(row => row.replace(/\[.*\] +| {2,}elapsed.*/g, ''));

const half = at({ total: 10, completed: 5, elapsed: 100 });

test('text that is written while a bar is drawn goes above it', () => {
  const { stream, rows } = screen(60);
  const bar = progressBar({ stream });
  bar.next(half);
  stream.write('one\n');
  assert.equal(brief(rows()), ['one', '50 % 5/10']);
  stream.write(Buffer.from('two\nthree\n'));
  assert.equal(brief(rows()), ['one', 'two', 'three', '50 % 5/10']);
  bar.complete();
  stream.write('four\n');
  assert.equal(brief(rows()), ['one', 'two', 'three', '50 % 5/10  took 0.1 s', 'four', '']);
});

test('a line that is written in pieces stays whole: the bar is away meanwhile', () => {
  const { stream, rows } = screen(60);
  const bar = progressBar({ stream });
  bar.next(half);
  stream.write('x = ');
  assert.equal(rows(), ['x =']);
  bar.next({ ...half, elapsed: 300 });
  stream.write('\u001b[33m');
  stream.write('1');
  assert.equal(rows(), ['x = 1']);
  stream.write('\n\u001b[39m');
  assert.equal(brief(rows()), ['x = 1', '50 % 5/10']);
  stream.write('y');
  bar.finalize();
  assert.equal(brief(rows()), ['x = 1', 'y', ' 50 % 5/10  stopped after 0.3 s', '']);
});

test('a title, a link or a cleared screen are no text that a bar stays away from', () => {
  for (const code of ['\u001b]0;a title of words\u0007', '\u001b]8;;\u001b\\', '\u001b[1;1H\u001b[0J']) {
    const { stream, text } = screen(60);
    const bar = progressBar({ stream });
    bar.next(half);
    stream.write(code);
    assert.match(text().slice(text().indexOf(code)), /50 % 5\/10/, JSON.stringify(code));
    bar.complete();
  }
});

test('bars of two copies of the package stack, and both stay below what is written', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../../lib/progress/progressBar.js', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  const copy = `data:text/javascript;base64,${Buffer.from(outputFiles[0]!.contents).toString('base64')}`;
  const other: { progressBar: typeof progressBar } = await import(copy);
  assert.is.not(other.progressBar, progressBar);
  const { stream, rows } = screen(60);
  const [a, b] = [progressBar({ stream, label: 'a' }), other.progressBar({ stream, label: 'b' })];
  a.next(half);
  b.next(half);
  stream.write('one\n');
  a.next({ ...half, elapsed: 200 });
  assert.equal(brief(rows()), ['one', 'a 50 % 5/10', 'b 50 % 5/10']);
  a.complete();
  stream.write('two\n');
  b.complete();
  assert.equal(brief(rows()), ['one', 'a 50 % 5/10  took 0.2 s', 'two', 'b 50 % 5/10  took 0.1 s', '']);
  assert.not.ok(Object.hasOwn(stream, 'write'));
});

test('a bar goes on below what the shell has printed while the process was stopped', () => {
  const { stream, text } = screen(60);
  const [a, b] = [progressBar({ stream }), progressBar({ stream })];
  for (const bar of [a, b]) bar.next(half);
  const before = text().length;
  process.emit('SIGCONT');
  a.next({ ...half, elapsed: 200 });
  assert.not.match(text().slice(before), '\u001b[1A');
  for (const bar of [a, b]) bar.complete();
});

test('the callback and the return value of a write are those of the stream', async () => {
  const { stream } = screen(60);
  const bar = progressBar({ stream });
  bar.next(half);
  await new Promise<void>(resolve =>
    assert.is(
      stream.write('a\n', 'utf8', () => resolve()),
      true,
    ),
  );
  await new Promise<void>(resolve => stream.write('a\n', () => resolve()));
  bar.complete();
});

test('thousands of rows do not draw the bar after each, and the next frame brings it back', () => {
  const { stream, rows, text } = screen(60);
  const bar = progressBar({ stream });
  bar.next(half);
  for (let i = 0; i < 10_000; i++) stream.write('row\n');
  assert.ok(text().length < 100_000, `${text().length} characters`);
  bar.next({ ...half, elapsed: 200 });
  assert.equal(brief(rows()).slice(-2), ['row', '50 % 5/10']);
  assert.is(rows().length, 10_001);
  bar.complete();
});

test('bars stack, one line a run with its label, and each ends above those that go on', () => {
  const { stream, rows } = screen(60);
  const [a, b, c] = ['a', 'b', 'c'].map(label => progressBar({ stream, label })) as [
    ReturnType<typeof progressBar>,
    ReturnType<typeof progressBar>,
    ReturnType<typeof progressBar>,
  ];
  for (const bar of [a, b, c]) bar.next(half);
  assert.equal(brief(rows()), ['a 50 % 5/10', 'b 50 % 5/10', 'c 50 % 5/10']);
  stream.write('row\n');
  b.next({ ...half, completed: 6, elapsed: 200 });
  assert.equal(brief(rows()), ['row', 'a 50 % 5/10', 'b 60 % 6/10', 'c 50 % 5/10']);
  b.error(new Error('no'));
  assert.equal(brief(rows()), ['row', 'b  60 % 6/10  failed after 0.2 s', 'a 50 % 5/10', 'c 50 % 5/10']);
  a.complete();
  c.finalize();
  assert.equal(brief(rows()), [
    'row',
    'b  60 % 6/10  failed after 0.2 s',
    'a 50 % 5/10  took 0.1 s',
    'c  50 % 5/10  stopped after 0.1 s',
    '',
  ]);
});

test('of more bars than the terminal has rows, as many are drawn as can be reached', () => {
  const { stream, rows } = screen(60);
  const bars = Array.from({ length: 40 }, (_, i) => progressBar({ stream, label: `run ${i}` }));
  for (const bar of bars) bar.next(half);
  assert.is(rows().length, 23);
  for (const bar of bars) bar.complete();
  assert.is(rows().length, 41);
});

test('a bar follows the width of the terminal', () => {
  const { stream, rows, resize } = screen(100);
  const bar = progressBar({ stream });
  bar.next(half);
  assert.is(rows()[0]?.indexOf('elapsed'), 86);
  resize(60);
  bar.next({ ...half, elapsed: 200 });
  assert.is(rows().at(-1)?.indexOf('elapsed'), 46);
  resize(undefined);
  assert.is(rows().at(-1)?.indexOf('elapsed'), 66);
  bar.complete();
});

test('a bar that a narrower terminal has broken into rows is cleared row by row', () => {
  const { stream, text, resize } = screen(100);
  const [a, b] = [progressBar({ stream }), progressBar({ stream })];
  for (const bar of [a, b]) bar.next(half);
  const before = text().length;
  resize(40);
  assert.ok(text().slice(before).startsWith('\r\u001b[3A'), 'the first line has become three');
  for (const bar of [a, b]) bar.complete();
});

test('whatever is written and whatever ends, the text stays in order and whole, and no bar is left behind', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ write: fc.constantFrom('a\n', 'b', '\n', 'c\nd\n') }),
      fc.record({ bar: fc.nat(2), next: fc.nat(9) }),
      fc.record({ bar: fc.nat(2), end: fc.constantFrom('complete', 'finalize') }),
    ),
  );
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 90 }), (run, columns) => {
      const { stream, rows } = screen(columns);
      const bars = [0, 1, 2, 3].map(i => progressBar({ stream, label: `#${i}` }));
      // What has begun a line before there was a bar is nothing that a bar can know of.
      bars[3]!.next(half);
      let written = '';
      let elapsed = 0;
      for (const step of run) {
        elapsed += 60;
        if ('write' in step) {
          written += step.write;
          stream.write(step.write);
        } else if ('next' in step) bars[step.bar]!.next(at({ total: 10, completed: step.next, elapsed }));
        else bars[step.bar]![step.end as 'complete']();
      }
      for (const bar of bars) bar.finalize();
      assert.not.ok(Object.hasOwn(stream, 'write'));
      const text = rows().filter(row => /^[abcd]+$/.test(row));
      assert.is(text.join(''), written.replaceAll('\n', ''));
      assert.is(rows().at(-1), '');
      assert.equal(
        rows().filter(row => /elapsed|left/.test(row)),
        [],
      );
    }),
  );
});

test('a bar leaves no listeners and no functions behind', () => {
  const events = ['exit', 'uncaughtExceptionMonitor', 'warning', 'SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCONT'];
  const counts = () => events.map(event => process.listenerCount(event));
  const before = counts();
  const { stream } = screen(60);
  const write = stream.write;
  const [a, b] = [progressBar({ stream }), progressBar({ stream })];
  a.next(half);
  b.next(half);
  assert.is.not(stream.write, write);
  a.complete();
  assert.is.not(stream.write, write);
  b.complete();
  assert.is(stream.write, write);
  assert.is(stream.listenerCount('resize'), 0);
  assert.equal(counts(), before);
});

test('a program’s own listeners of signals see no store of the run whose bar is drawn', async () => {
  const { stdout, stderr } = await run('signals', []);
  assert.equal([stdout, stderr], ['SIGCONT: no store\nSIGHUP: no store\n', '']);
});

test('a frozen stream is drawn to all the same', () => {
  const { stream, rows } = screen(60);
  const frozen = Object.freeze({
    isTTY: true,
    columns: 60,
    write: stream.write.bind(stream),
    once: stream.once.bind(stream),
    removeListener: stream.removeListener.bind(stream),
  });
  const bar = progressBar({ stream: frozen as unknown as NodeJS.WriteStream });
  bar.next(half);
  bar.complete();
  assert.equal(brief(rows()), ['50 % 5/10  took 0.1 s', '']);
});

test.run();
