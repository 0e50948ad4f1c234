import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { barLine, type Ending, jsonLine, textLine } from '../../../lib/progress/progressLine.js';
import type { Progress } from '../../../lib/progress/progressMeter.js';
import { textWidth } from '../../../lib/progress/textWidth.js';
import { all, at, nearlyHalf } from './screen.js';

/** The line without colours that is as wide as it needs to be for a bar of so many columns, or of ten. */
const line = (progress: Progress, ending?: Ending, width = 66) =>
  barLine(progress, { ending }, { width, colors: 'none' });

test('a bar line shows bar, percentage, count, rate and times', () => {
  assert.is(line(nearlyHalf), '[========>         ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s');
});

test('a bar line fills the width that there is', () => {
  for (const width of [40, 66, 79, 200]) assert.is(line(nearlyHalf, undefined, width).length, width);
});

test('a bar line ends with the time that the run took, without a bar where it was cut off', () => {
  assert.is(line(all, 'completed', 60), '[==========================] 100 % 201/201  31/s  took 7.1 s');
  assert.is(line(nearlyHalf, 'failed'), ' 44 % 90/201  31/s  failed after 3.2 s');
  assert.is(line(nearlyHalf, 'stopped'), ' 44 % 90/201  31/s  stopped after 3.2 s');
});

test('a bar line shows failures when there are some, counts them as done and colours them', () => {
  assert.not.match(line(nearlyHalf), 'failed');
  const failed = { ...nearlyHalf, completed: 87, failed: 3 };
  assert.is(line(failed, 'stopped'), ' 44 % 90/201  3 failed  31/s  stopped after 3.2 s');
  const colored = barLine(failed, { ending: 'failed' }, { width: 66, colors: 'some' });
  const [red, usual] = ['\u001b[31m', '\u001b[39m'];
  assert.is(colored, ` 44 % 90/201  ${red}3 failed${usual}  31/s  ${red}failed after 3.2 s${usual}`);
});

test('a bar line shows an unknown total without a percentage', () => {
  const progress = at({ completed: 90, failed: 1, elapsed: 3200, rate: 31 });
  assert.is(line(progress), '91 done  1 failed  31/s  elapsed 3.2 s');
  assert.is(line(progress, 'completed'), '91 done  1 failed  31/s  took 3.2 s');
  assert.is(line({ ...progress, total: Infinity }), '91 done  1 failed  31/s  elapsed 3.2 s');
});

test('a bar line says 100 % only when all is done', () => {
  assert.match(line(at({ total: 1e6, completed: 999_999 })), />\] {2}99 % 999999\/1000000/);
  assert.match(line(at({ total: 1e12, completed: 1e12 - 1 })), /^\[=+>\] {2}99 % /);
  assert.match(line(at({ total: 100, completed: 29 })), ' 29 %', 'although 0.29 * 100 < 29');
  assert.match(line(at({ total: 0, running: 0 }), 'completed'), '=] 100 % 0/0  took 0.0 s');
});

test('a bar line writes rates and durations as people do', () => {
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
  for (const [rate, text] of rates) assert.match(line(at({ rate })), `  ${text}  `);
  for (const rate of [0, Infinity, Number.NaN])
    assert.is(line(at({ rate, completed: 1 })), '1 done  elapsed 0.0 s', 'no rate yet');
  const durations: [ms: number, text: string][] = [
    [99, '0.0 s'],
    [2345, '2.3 s'],
    [59_999, '59.9 s'],
    [60_000, '1:00'],
    [725_000, '12:05'],
    [3_723_000, '1:02:03'],
    [360_000_000, '100:00:00'],
  ];
  for (const [elapsed, text] of durations)
    assert.match(line(at({ elapsed })), new RegExp(`elapsed ${text}$`));
});

test('a bar line says that no time is left only when nothing is', () => {
  assert.match(line({ ...nearlyHalf, remaining: 10 }), / left 0\.1 s$/);
  assert.match(line({ ...nearlyHalf, remaining: 0 }), / left 0\.1 s$/);
  assert.match(line({ ...nearlyHalf, remaining: 59_950 }), / left 1:00$/);
  assert.not.match(line({ ...nearlyHalf, remaining: Infinity }), 'left');
  assert.not.match(line(all), 'left');
});

test('a bar line gives up the least telling parts where there is no room', () => {
  const widths = [80, 61, 54, 41, 35, 30, 20, 15, 5, 3];
  assert.equal(
    widths.map(width => line(nearlyHalf, undefined, width)),
    [
      '[==============>                 ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s',
      '[=====>       ]  44 % 90/201  31/s  elapsed 3.2 s  left 3.6 s',
      '[=========>           ]  44 % 90/201  31/s  left 3.6 s',
      '[======>       ]  44 % 90/201  left 3.6 s',
      '[========>           ]  44 % 90/201',
      '[======>        ]  44 % 90/201',
      '[=====>      ]  44 %',
      ' 44 %',
      ' 44 %',
      '44…',
    ],
  );
  assert.equal(
    [39, 30, 19].map(width => line(all, 'completed', width)),
    ['[===========] 100 % 201/201  took 7.1 s', '[==========] 100 %  took 7.1 s', '100 %  took 7.1 s'],
  );
});

test('a label comes first, on one line, and takes at most a third of it', () => {
  const labelled = (label: string, width: number) =>
    barLine(nearlyHalf, { label }, { width, colors: 'none' });
  assert.match(labelled('alpha', 80), /^alpha \[=+> +\] /);
  assert.match(labelled('a\nb\u001b[2Jc', 80), /^a b \[2Jc \[/);
  assert.match(labelled('a very long name of a run', 40), /^a very long … /);
  for (const label of ['日本語のラベル', '👩‍🔬 lab', 'é'.normalize('NFD')])
    assert.is(textWidth(labelled(label, 79)), 79, label);
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

test('no line is wider than the width, whatever is in it', () => {
  const endings = fc.constantFrom<Ending | undefined>(undefined, 'completed', 'failed', 'stopped');
  const labels = fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined });
  fc.assert(
    fc.property(
      progresses,
      endings,
      labels,
      fc.integer({ min: 0, max: 200 }),
      (progress, ending, label, width) => {
        const text = barLine(progress, { ending, label }, { width, colors: 'none' });
        assert.ok(textWidth(text) <= width, `${text} in ${width}`);
        assert.not.match(text, /\p{Cc}/u);
      },
    ),
  );
});

test('text lines are those of QuTiP', () => {
  const tenth = at({ total: 100, completed: 10, elapsed: 3100, remaining: 26_500, rate: 3 });
  assert.is(textLine(tenth), '10.0%. Run time:   3.10s. Est. time left: 00:00:00:27');
  assert.is(
    textLine({ ...tenth, completed: 100, elapsed: 28_910 }, { ending: 'completed' }),
    'Total run time:  28.91s',
  );
  assert.is(
    textLine({ ...tenth, completed: 5, remaining: 93_784_000 }),
    ' 5.0%. Run time:   3.10s. Est. time left: 01:02:03:04',
  );
  assert.is(textLine({ ...all, elapsed: 123_456 }), '100.0%. Run time: 123.46s. Est. time left: 00:00:00:00');
  assert.is(
    textLine(at({ total: 10, completed: 5, elapsed: 3000 })),
    '50.0%. Run time:   3.00s. Est. time left: 00:00:00:03',
  );
});

test('text lines have the label, the failures and the end', () => {
  const failed = at({ total: 10, completed: 4, failed: 1, elapsed: 3000, remaining: 3000 });
  assert.is(
    textLine(failed, { label: 'a' }),
    'a: 50.0%. Run time:   3.00s. Est. time left: 00:00:00:03, 1 failed',
  );
  assert.is(textLine(failed, { ending: 'failed' }), 'Failed. Total run time:   3.00s, 1 failed');
  assert.is(
    textLine(failed, { ending: 'stopped', label: 'a' }),
    'a: Stopped. Total run time:   3.00s, 1 failed',
  );
  assert.is(textLine(at({ completed: 3, elapsed: 30_000 })), '3 done. Run time:  30.00s');
  assert.is(textLine(at({ total: 10, elapsed: 30_000 })), ' 0.0%. Run time:  30.00s');
});

test('JSON lines are the progress, the label and the state', () => {
  assert.equal(JSON.parse(jsonLine(nearlyHalf)), { state: 'running', ...nearlyHalf });
  const last = jsonLine(all, { label: 'a\nb', ending: 'completed' });
  assert.equal(JSON.parse(last), { label: 'a\nb', state: 'completed', ...all });
  assert.not.match(last, '\n');
});

test.run();
