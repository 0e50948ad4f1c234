import { spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ProgressBar, progressBar } from '../../../lib/progress/progressBar.js';
import type { Progress } from '../../../lib/progress/progressMeter.js';

/** What a bar writes to, kept as text. */
interface Screen {
  readonly stream: NodeJS.WriteStream;
  /** Everything written so far. */
  text(): string;
  /** Each frame that was drawn, as a terminal shows it once it is complete. */
  frames(): string[];
  /** What a terminal shows now, row by row. */
  rows(): string[];
  columns: number | undefined;
}

function screen(columns: number | undefined, isTTY = true): Screen {
  let text = '';
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  Object.assign(stream, { isTTY, columns });
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    text: () => text,
    frames: () => drawn(text).frames,
    rows: () => drawn(text).rows,
    set columns(value: number | undefined) {
      Object.assign(stream, { columns: value });
    },
  };
}

/** A terminal that knows exactly the codes which the bar may use. */
function drawn(text: string): { frames: string[]; rows: string[] } {
  const frames: string[] = [];
  const rows = [''];
  let column = 0;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a terminal is told.
  for (const [code] of text.matchAll(/\x1b\[1G|\x1b\[0K|\n|[ -~]|[\s\S]/g)) {
    const row = rows.at(-1)!;
    if (code === '\x1b[1G') {
      column = 0;
    } else if (code === '\x1b[0K') {
      rows[rows.length - 1] = row.slice(0, column);
      frames.push(rows.at(-1)!);
    } else if (code === '\n') {
      rows.push('');
      column = 0;
    } else {
      assert.match(code, /[ -~]/, 'no other control code');
      rows[rows.length - 1] = row.slice(0, column).padEnd(column) + code + row.slice(column + 1);
      column++;
    }
  }
  return { frames, rows };
}

const at = (progress: Partial<Progress>): Progress => ({
  completed: 0,
  failed: 0,
  running: 2,
  elapsed: 0,
  rate: 0,
  ...progress,
});

const nearlyHalf = at({
  total: 201,
  completed: 90,
  fraction: 90 / 201,
  elapsed: 3200,
  rate: 31.2,
  remaining: 3557,
});
const all = at({
  total: 201,
  completed: 201,
  running: 0,
  fraction: 1,
  elapsed: 7100,
  rate: 31,
  remaining: 0,
});

const lines = (text: string): string[] => text.split('\n').slice(0, -1);

/** What is drawn for one progress, without the blanks at the end. */
function frame(progress: Progress, columns: number | undefined = 100): string {
  const { stream, frames } = screen(columns);
  progressBar(stream).next(progress);
  return frames().at(-1)!.trimEnd();
}

/** The last line, after the bar was told of the end. */
function ending(progress: Progress, how: (bar: ProgressBar) => void, columns = 100): string {
  const { stream, rows } = screen(columns);
  const bar = progressBar(stream);
  bar.next(progress);
  how(bar);
  return rows().at(-2)!;
}

const term = process.env.TERM;
test.before(() => {
  process.env.TERM = 'xterm';
});
test.after(() => {
  if (term === undefined) delete process.env.TERM;
  else process.env.TERM = term;
});

test('draws bar, percentage, count, rate and times on one line', () => {
  assert.is(frame(nearlyHalf), '[========>           ]  44 % 90/201  31/s  elapsed 0:03  left 0:04');
});

test('redraws in place', () => {
  const { stream, frames, rows } = screen(100);
  const bar = progressBar(stream);
  bar.next(at({ total: 201, fraction: 0 }));
  bar.next(nearlyHalf);
  bar.next(all);
  assert.equal(frames(), [
    '[>                   ]   0 % 0/201  elapsed 0:00',
    '[========>           ]  44 % 90/201  31/s  elapsed 0:03  left 0:04',
    '[====================] 100 % 201/201  31/s  elapsed 0:07',
  ]);
  assert.is(rows().length, 1);
  bar.complete();
  assert.equal(rows(), ['[====================] 100 % 201/201  31/s  took 0:07', '']);
});

test('ends with the time it took, on a line of its own', () => {
  assert.is(
    ending(all, bar => bar.complete()),
    '[====================] 100 % 201/201  31/s  took 0:07',
  );
  assert.is(
    ending(nearlyHalf, bar => bar.error(new Error('no'))),
    '[========>           ]  44 % 90/201  31/s  failed after 0:03',
  );
  assert.is(
    ending(nearlyHalf, bar => bar.finalize()),
    '[========>           ]  44 % 90/201  31/s  stopped after 0:03',
  );
});

test('shows failures only when there are some, and counts them as done', () => {
  assert.not.match(frame(nearlyHalf), 'failed');
  assert.is(
    frame({ ...nearlyHalf, completed: 87, failed: 3 }),
    '[========>           ]  44 % 90/201  3 failed  31/s  elapsed 0:03  left 0:04',
  );
});

test('shows an unknown total without a percentage', () => {
  const progress = at({ completed: 90, failed: 1, elapsed: 3200, rate: 31 });
  assert.is(frame(progress), '91 done  1 failed  31/s  elapsed 0:03');
  assert.is(
    ending(progress, bar => bar.complete()),
    '91 done  1 failed  31/s  took 0:03',
  );
  assert.is(frame({ ...progress, total: Infinity }), '91 done  1 failed  31/s  elapsed 0:03');
});

test('an empty run is done', () => {
  const empty = at({ total: 0, running: 0 });
  assert.is(
    ending(empty, bar => bar.complete()),
    '[====================] 100 % 0/0  took 0:00',
  );
});

test('says 100 % only when all is done', () => {
  assert.match(frame(at({ total: 1e6, completed: 999_999 })), '[===================>]  99 % 999999/1000000');
  assert.match(frame(at({ total: 1e12, completed: 1e12 - 1 })), /^\[=+>\] {2}99 % /);
  assert.match(frame(at({ total: 100, completed: 29 })), ' 29 %', 'although 0.29 * 100 < 29');
});

test('writes rates and durations as people do', () => {
  const rates: [rate: number, text: string][] = [
    [1, '1.0/s'],
    [3.14, '3.1/s'],
    [9.96, '10/s'],
    [31.4, '31/s'],
    [999.4, '999/s'],
    [999.7, '1.0k/s'],
    [1234, '1.2k/s'],
    [45_600, '46k/s'],
    [3_400_000, '3.4M/s'],
    [2.5e9, '2.5G/s'],
    [1e15, '1.0e+15/s'],
    [0.5, '30/min'],
    [0.05, '3.0/min'],
    [0.001, '3.6/h'],
  ];
  for (const [rate, text] of rates) assert.match(frame(at({ rate })), `  ${text}  `);
  for (const rate of [0, Infinity, Number.NaN]) {
    assert.is(frame(at({ rate, completed: 1 })), '1 done  elapsed 0:00', 'no rate yet');
  }
  const durations: [ms: number, text: string][] = [
    [999, '0:00'],
    [3999, '0:03'],
    [725_000, '12:05'],
    [3_723_000, '1:02:03'],
    [360_000_000, '100:00:00'],
  ];
  for (const [elapsed, text] of durations)
    assert.match(frame(at({ elapsed })), new RegExp(`elapsed ${text}$`));
});

test('says that no time is left only when nothing is', () => {
  assert.match(frame({ ...nearlyHalf, remaining: 10 }), / left 0:01$/);
  assert.not.match(frame({ ...nearlyHalf, remaining: Infinity }), 'left');
  assert.not.match(frame(all), 'left');
});

test('gives up the least telling parts where the terminal is narrow', () => {
  const narrow = [80, 61, 54, 42, 35, 30, 20, 15, 5].map(columns => frame(nearlyHalf, columns));
  assert.equal(narrow, [
    '[========>           ]  44 % 90/201  31/s  elapsed 0:03  left 0:04',
    '[======>       ]  44 % 90/201  31/s  elapsed 0:03  left 0:04',
    '[========>           ]  44 % 90/201  31/s  left 0:04',
    '[======>        ]  44 % 90/201  left 0:04',
    '[========>          ]  44 % 90/201',
    '[======>       ]  44 % 90/201',
    '[====>      ]  44 %',
    ' 44 %',
    '44 %',
  ]);
  const done = [40, 30, 20].map(columns => ending(all, bar => bar.complete(), columns));
  assert.equal(done, [
    '[============] 100 % 201/201  took 0:07',
    '[==========] 100 %  took 0:07',
    '100 %  took 0:07',
  ]);
});

test('follows the width of the terminal', () => {
  const terminal = screen(100);
  const bar = progressBar(terminal.stream);
  bar.next(nearlyHalf);
  terminal.columns = 20;
  bar.next({ ...nearlyHalf, elapsed: 3300 });
  terminal.columns = undefined;
  bar.next({ ...nearlyHalf, elapsed: 3400 });
  assert.equal(terminal.frames(), [
    '[========>           ]  44 % 90/201  31/s  elapsed 0:03  left 0:04',
    '[====>      ]  44 %',
    '[========>           ]  44 % 90/201  31/s  elapsed 0:03  left 0:04',
  ]);
});

const progresses: fc.Arbitrary<Progress> = fc
  .record(
    {
      total: fc.nat(),
      completed: fc.nat(),
      failed: fc.nat(),
      running: fc.nat(),
      elapsed: fc.double({ min: 0, noNaN: true }),
      rate: fc.double({ min: 0 }),
      remaining: fc.double({ min: 0 }),
    },
    { requiredKeys: ['completed', 'failed', 'running', 'elapsed', 'rate'] },
  )
  .map(progress => progress as Progress);

test('never wraps, never writes anything but text to its line, whatever the width', () => {
  fc.assert(
    fc.property(fc.array(progresses, { minLength: 1 }), fc.integer({ min: 1, max: 200 }), (run, columns) => {
      const { stream, frames, rows } = screen(columns);
      const bar = progressBar(stream);
      for (const progress of run) bar.next(progress);
      assert.is(rows().length, 1);
      bar.complete();
      assert.is(rows().length, 2);
      assert.is(rows().at(-1), '');
      for (const frame of frames())
        assert.ok(frame.length < columns, `${frame.length} in ${columns}: ${frame}`);
    }),
  );
});

test('draws at most 20 frames a second, but the last one always', () => {
  const { stream, frames } = screen(100);
  const bar = progressBar(stream);
  const total = 1001;
  for (let ms = 0; ms <= 1000; ms++) bar.next(at({ total, completed: ms, elapsed: ms }));
  assert.is(frames().length, 21);
  bar.next(at({ total, completed: total, elapsed: 1001 }));
  assert.is(frames().length, 22);
  assert.match(frames().at(-1)!, '1001/1001');
});

test('an end draws what was withheld', () => {
  const { stream, rows } = screen(100);
  const bar = progressBar(stream);
  bar.next(at({ total: 10, elapsed: 0 }));
  bar.next(at({ total: 10, completed: 3, elapsed: 20 }));
  assert.match(rows()[0]!, '0/10');
  bar.finalize();
  assert.match(rows()[0]!, '3/10');
});

test('ends once', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = screen(100, isTTY);
    const bar = progressBar(stream);
    bar.next(nearlyHalf);
    bar.complete();
    const before = text();
    bar.finalize();
    bar.error(new Error('late'));
    bar.complete();
    bar.next(all);
    bar.finalize();
    assert.is(text(), before);
  }
});

test('writes nothing for a run that never reported', () => {
  for (const isTTY of [true, false]) {
    const { stream, text } = screen(100, isTTY);
    const bar = progressBar(stream);
    bar.complete();
    bar.finalize();
    assert.is(text(), '');
  }
});

test('elsewhere than on a terminal: a line at each further 10 %, and the last one', () => {
  const { stream, text } = screen(undefined, false);
  const bar = progressBar(stream);
  for (let completed = 0; completed <= 200; completed++) {
    const remaining = (200 - completed) * 50;
    bar.next(at({ total: 200, completed, elapsed: completed * 50, rate: 20, remaining }));
  }
  bar.complete();
  bar.finalize();
  assert.equal(lines(text()), [
    ' 10 % 20/200  20/s  elapsed 0:01  left 0:09',
    ' 20 % 40/200  20/s  elapsed 0:02  left 0:08',
    ' 30 % 60/200  20/s  elapsed 0:03  left 0:07',
    ' 40 % 80/200  20/s  elapsed 0:04  left 0:06',
    ' 50 % 100/200  20/s  elapsed 0:05  left 0:05',
    ' 60 % 120/200  20/s  elapsed 0:06  left 0:04',
    ' 70 % 140/200  20/s  elapsed 0:07  left 0:03',
    ' 80 % 160/200  20/s  elapsed 0:08  left 0:02',
    ' 90 % 180/200  20/s  elapsed 0:09  left 0:01',
    '100 % 200/200  20/s  took 0:10',
  ]);
});

test('elsewhere: one line for a leap over several tens', () => {
  const { stream, text } = screen(undefined, false);
  const bar = progressBar(stream);
  for (const completed of [0, 35, 36, 77]) bar.next(at({ total: 100, completed, elapsed: 1000 }));
  bar.error(new Error('no'));
  assert.equal(lines(text()), [
    ' 35 % 35/100  elapsed 0:01',
    ' 77 % 77/100  elapsed 0:01',
    ' 77 % 77/100  failed after 0:01',
  ]);
});

test('elsewhere: a line every 10 s while the total is unknown', () => {
  const { stream, text } = screen(undefined, false);
  const bar = progressBar(stream);
  for (let second = 0; second <= 25; second++) {
    bar.next(at({ completed: second * 2, elapsed: second * 1000, rate: 2 }));
  }
  bar.next(at({ total: 60, completed: 54, elapsed: 27_000, rate: 2, remaining: 3000 }));
  bar.next(at({ total: 60, completed: 60, elapsed: 30_000, rate: 2 }));
  bar.complete();
  assert.equal(lines(text()), [
    '20 done  2.0/s  elapsed 0:10',
    '40 done  2.0/s  elapsed 0:20',
    ' 90 % 54/60  2.0/s  elapsed 0:27  left 0:03',
    '100 % 60/60  2.0/s  took 0:30',
  ]);
});

test('a dumb terminal gets lines', () => {
  process.env.TERM = 'dumb';
  const { stream, text } = screen(80);
  const bar = progressBar(stream);
  process.env.TERM = 'xterm';
  bar.next(nearlyHalf);
  bar.complete();
  assert.equal(lines(text()), [
    ' 44 % 90/201  31/s  elapsed 0:03  left 0:04',
    ' 44 % 90/201  31/s  took 0:03',
  ]);
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
    const bar = progressBar(Object.assign(stream, { isTTY }) as unknown as NodeJS.WriteStream);
    bar.next(nearlyHalf);
    await new Promise(resolve => setTimeout(resolve, 20));
    const before = writes;
    bar.next(at({ total: 201, completed: 150, elapsed: 5000 }));
    bar.complete();
    bar.finalize();
    await new Promise(resolve => setTimeout(resolve, 20));
    assert.is(writes, before);
    assert.is(stream.listenerCount('error'), 0);
  }
});

test('a stream that throws does no harm', () => {
  const bar = progressBar({
    isTTY: true,
    once() {},
    removeListener() {},
    write() {
      throw new Error('closed');
    },
  } as unknown as NodeJS.WriteStream);
  bar.next(nearlyHalf);
  bar.complete();
  bar.finalize();
});

test('keeps no process alive', () => {
  const module = new URL('../../../lib/progress/progressBar.js', import.meta.url).href;
  const progress = JSON.stringify(nearlyHalf);
  const script = `import { progressBar } from ${JSON.stringify(module)}; progressBar().next(${progress});`;
  const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.is(child.status, 0);
  assert.is(child.stderr, ' 44 % 90/201  31/s  elapsed 0:03  left 0:04\n');
});

test.run();
