import { spawnSync } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ProgressBarOptions, progressBar } from '../../../lib/progress/progressBar.js';
import { all, at, nearlyHalf, screen } from './screen.js';

const lines = (text: string): string[] => text.split('\n').slice(0, -1);

const environment = { ...process.env };
test.before.each(() => {
  process.env.TERM = 'xterm';
  process.env.NO_COLOR = '1';
});
test.after.each(() => {
  for (const name of ['TERM', 'NO_COLOR'])
    if (environment[name] === undefined) delete process.env[name];
    else process.env[name] = environment[name];
});

test('a bar on a terminal is redrawn in place, and its last state stays', () => {
  const { stream, rows } = screen(60);
  const bar = progressBar({ stream });
  bar.next(at({ total: 201, fraction: 0 }));
  assert.equal(rows(), ['[>                             ]   0 % 0/201  elapsed 0.0 s']);
  bar.next(nearlyHalf);
  assert.equal(rows(), ['[====>      ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s']);
  bar.next(all);
  bar.complete();
  assert.equal(rows(), ['[=========================] 100 % 201/201  31/s  took 7.1 s', '']);
});

test('a bar draws at most 20 frames a second, but the last one always', () => {
  const { stream, text } = screen(100);
  const frames = () => text().split('\r\u001b[?7l').length - 1;
  const bar = progressBar({ stream });
  const total = 1001;
  for (let ms = 0; ms <= 1000; ms++) bar.next(at({ total, completed: ms, elapsed: ms }));
  assert.is(frames(), 21);
  bar.next(at({ total, completed: total, elapsed: 1001 }));
  assert.is(frames(), 22);
  assert.match(text(), '1001/1001');
  bar.complete();
});

test('the end of a bar draws what was withheld', () => {
  const { stream, rows } = screen(100);
  const bar = progressBar({ stream });
  bar.next(at({ total: 10, elapsed: 0 }));
  bar.next(at({ total: 10, completed: 3, elapsed: 20 }));
  assert.match(rows()[0]!, '0/10');
  bar.finalize();
  assert.equal(rows(), [' 30 % 3/10  stopped after 0.0 s', '']);
});

test('a bar ends once', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = screen(100, { isTTY });
    const bar = progressBar({ stream });
    bar.next(nearlyHalf);
    bar.complete();
    const before = text();
    bar.finalize();
    bar.error(new Error('late'));
    bar.complete();
    assert.is(text(), before);
  }
});

test('a bar that has ended shows the next run on a line of its own', () => {
  const { stream, rows } = screen(60);
  const bar = progressBar({ stream });
  for (const elapsed of [100, 200]) {
    bar.next(at({ total: 2 }));
    bar.next(at({ total: 2, completed: 2, elapsed }));
    bar.complete();
  }
  assert.equal(
    rows().map(row => row.replace(/=+/, '=')),
    ['[=] 100 % 2/2  took 0.1 s', '[=] 100 % 2/2  took 0.2 s', ''],
  );
});

test('a run that never reported writes nothing', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = screen(100, { isTTY });
    const bar = progressBar({ stream });
    bar.complete();
    bar.finalize();
    assert.is(text(), '');
  }
});

test('a bar elsewhere than on a terminal is lines of QuTiP’s, one at each tenth', () => {
  const { stream, text } = screen(undefined, { isTTY: false });
  const bar = progressBar({ stream });
  for (let completed = 0; completed <= 200; completed++) {
    const remaining = (200 - completed) * 50;
    bar.next(at({ total: 200, completed, elapsed: completed * 50, rate: 20, remaining }));
  }
  bar.complete();
  bar.finalize();
  assert.equal(lines(text()), [
    '10.0%. Run time:   1.00s. Est. time left: 00:00:00:09',
    '20.0%. Run time:   2.00s. Est. time left: 00:00:00:08',
    '30.0%. Run time:   3.00s. Est. time left: 00:00:00:07',
    '40.0%. Run time:   4.00s. Est. time left: 00:00:00:06',
    '50.0%. Run time:   5.00s. Est. time left: 00:00:00:05',
    '60.0%. Run time:   6.00s. Est. time left: 00:00:00:04',
    '70.0%. Run time:   7.00s. Est. time left: 00:00:00:03',
    '80.0%. Run time:   8.00s. Est. time left: 00:00:00:02',
    '90.0%. Run time:   9.00s. Est. time left: 00:00:00:01',
    '100.0%. Run time:  10.00s. Est. time left: 00:00:00:00',
    'Total run time:  10.00s',
  ]);
});

test('a leap over several tenths is one line', () => {
  const { stream, text } = screen(undefined, { isTTY: false });
  const bar = progressBar({ stream });
  for (const completed of [0, 35, 36, 77]) bar.next(at({ total: 100, completed, elapsed: 1000 }));
  bar.error(new Error('no'));
  assert.equal(
    lines(text()).map(line => line.slice(0, 24)),
    ['35.0%. Run time:   1.00s', '77.0%. Run time:   1.00s', 'Failed. Total run time: '],
  );
});

test('a slow run has a line every 30 s, before its first tenth and without a total too', () => {
  const { stream, text } = screen(undefined, { isTTY: false });
  const bar = progressBar({ stream });
  for (let second = 0; second <= 65; second++) bar.next(at({ completed: second, elapsed: second * 1000 }));
  for (let second = 66; second <= 135; second++)
    bar.next(at({ total: 1000, completed: second, elapsed: second * 1000 }));
  assert.equal(
    lines(text()).map(line => line.slice(0, 25)),
    [
      '30 done. Run time:  30.00',
      '60 done. Run time:  60.00',
      ' 9.0%. Run time:  90.00s.',
      '10.0%. Run time: 100.00s.',
      '13.0%. Run time: 130.00s.',
    ],
  );
});

test('`every` sets the longest time between two lines', () => {
  const numbers = (every: number) => {
    const { stream, text } = screen(80);
    const bar = progressBar({ stream, every, format: 'text' });
    for (let ms = 0; ms < 40_000; ms += 100) bar.next(at({ total: 1e6, completed: 1, elapsed: ms }));
    return lines(text()).length;
  };
  assert.equal([10_000, 1_000, Infinity].map(numbers), [3, 39, 0]);
});

test('lines of JSON are for programs, on a terminal too', () => {
  const { stream, text } = screen(80);
  const bar = progressBar({ stream, format: 'json', label: 'sweep' });
  bar.next(nearlyHalf);
  bar.next(all);
  bar.complete();
  assert.equal(
    lines(text()).map(line => JSON.parse(line)),
    [
      { label: 'sweep', state: 'running', ...nearlyHalf },
      { label: 'sweep', state: 'running', ...all },
      { label: 'sweep', state: 'completed', ...all },
    ],
  );
});

test('a dumb terminal gets lines', () => {
  process.env.TERM = 'dumb';
  const { stream, text } = screen(80);
  const bar = progressBar({ stream });
  bar.next(nearlyHalf);
  bar.complete();
  assert.equal(lines(text()), [
    '44.7%. Run time:   3.20s. Est. time left: 00:00:00:04',
    'Total run time:   3.20s',
  ]);
});

test('failures are red where the terminal shows colours', () => {
  const red = (options: { noColor?: string; hasColors?: boolean }): boolean => {
    delete process.env.NO_COLOR;
    if (options.noColor !== undefined) process.env.NO_COLOR = options.noColor;
    const { stream, text } = screen(80);
    if (options.hasColors !== undefined) Object.assign(stream, { hasColors: () => options.hasColors });
    const bar = progressBar({ stream });
    bar.next({ ...nearlyHalf, failed: 2 });
    bar.complete();
    return text().includes('\u001b[31m2 failed\u001b[39m');
  };
  assert.equal([{}, { noColor: '1' }, { noColor: '' }, { hasColors: true }, { hasColors: false }].map(red), [
    true,
    false,
    true,
    true,
    false,
  ]);
});

test('options that are wrong are told with what is accepted and what came', () => {
  for (const [options, says] of [
    [{ format: 'pie' }, "TypeError: progressBar: `format` must be 'bar', 'text' or 'json', got \"pie\""],
    [{ label: 5 }, 'TypeError: progressBar: `label` must be a string, got 5'],
    [{ stream: 2 }, 'TypeError: progressBar: `stream` must be a stream, such as process.stdout, got 2'],
    [{ every: 0 }, 'RangeError: progressBar: `every` must be milliseconds above 0, or Infinity, got 0'],
    [{ every: '1s' }, 'TypeError: progressBar: `every` must be milliseconds above 0, or Infinity, got "1s"'],
    [
      { colour: 1 },
      'TypeError: progressBar: there is no option `colour`; the options are format, label, stream, every',
    ],
    [null, 'TypeError: progressBar: the options must be an object, got null'],
  ] as const)
    assert.throws(
      () => progressBar(options as ProgressBarOptions),
      (error: Error) => `${error.name}: ${error.message}` === says,
    );
  progressBar({ format: undefined } as object);
});

test('a stream that is gone is written to no more, and does no harm', async () => {
  for (const isTTY of [true, false]) {
    let writes = 0;
    const stream = new Writable({
      write(_chunk, _encoding, done) {
        writes++;
        setImmediate(done, new Error('EPIPE'));
      },
    });
    const closed = new Promise(resolve => stream.once('close', resolve));
    const bar = progressBar({ stream: Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream });
    bar.next(nearlyHalf);
    await closed;
    const before = writes;
    bar.next(at({ total: 201, completed: 150, elapsed: 5000 }));
    bar.complete();
    bar.finalize();
    assert.is(writes, before);
    assert.is(stream.listenerCount('error'), 0);
  }
});

test('a stream that is gone does no harm where others are piped into it, as the output of threads is', async () => {
  const stream = new Writable({ write: (_chunk, _encoding, done) => setImmediate(done, new Error('EPIPE')) });
  // As a pipe does: it throws the error again where nobody else listens.
  const rethrow = (error: Error) => {
    stream.removeListener('error', rethrow);
    if (stream.listenerCount('error') === 0) throw error;
  };
  stream.on('error', rethrow);
  const closed = new Promise(resolve => stream.once('close', resolve));
  const bar = progressBar({ stream: stream as unknown as NodeJS.WriteStream });
  bar.next(nearlyHalf);
  await closed;
});

test('a stream that throws does no harm', () => {
  const stream = {
    isTTY: true,
    once() {},
    removeListener() {},
    write() {
      throw new Error('closed');
    },
  } as unknown as NodeJS.WriteStream;
  for (const format of ['bar', 'text'] as const) {
    const bar = progressBar({ stream, format });
    bar.next(nearlyHalf);
    bar.complete();
    bar.finalize();
  }
});

test('a stream that can do nothing but write is written to', () => {
  let text = '';
  const stream = { write: (more: string) => Boolean((text += more)) } as unknown as NodeJS.WritableStream;
  const bar = progressBar({ stream });
  bar.next(nearlyHalf);
  bar.complete();
  assert.is(lines(text).at(-1), 'Total run time:   3.20s');
});

test('lines go to a file as well', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-bar-'));
  const stream = createWriteStream(join(folder, 'progress.jsonl'));
  const bar = progressBar({ stream, format: 'json' });
  bar.next(nearlyHalf);
  bar.complete();
  await new Promise<void>(resolve => stream.end(resolve));
  const written = readFileSync(stream.path, 'utf8');
  rmSync(folder, { recursive: true });
  assert.equal(
    lines(written).map(line => JSON.parse(line).state),
    ['running', 'completed'],
  );
});

test('a bar keeps no process alive', () => {
  const module = new URL('../../../lib/progress/progressBar.js', import.meta.url).href;
  const progress = JSON.stringify(nearlyHalf);
  const script = `import { progressBar } from ${JSON.stringify(module)}; progressBar().next(${progress});`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.is(child.status, 0);
  assert.is(child.stderr, '44.7%. Run time:   3.20s. Est. time left: 00:00:00:04\n');
});

test.run();
