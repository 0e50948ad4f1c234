// Bars on a real terminal: tmux shows what a user sees. Where there is no tmux, nothing is tried here.
import { execFileSync, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const program = fileURLToPath(new URL('../../fixtures/programs/bars.js', import.meta.url));
const server = `rx-parfor-${process.pid}`;
const tmux = (...args: string[]) => execFileSync('tmux', ['-L', server, ...args], { encoding: 'utf8' });
const hasTmux = spawnSync('tmux', ['-V']).status === 0;

interface Window {
  /** The rows that are shown, without those at the end that are empty. */
  rows(): string[];
  /** Waits until the rows are as they should be, and returns them. */
  until(test: (rows: string[]) => boolean): Promise<string[]>;
  press(key: string): void;
  resize(columns: number): void;
}

let windows = 0;

/** Runs the program in a terminal of 30 rows; `ended N` is printed after it, with its exit code. */
function open(columns: number, args: readonly string[], environment = ''): Window {
  const name = `w${++windows}`;
  const words = [process.execPath, program, ...args].map(word => `'${word}'`).join(' ');
  // The shell hears Ctrl-C too, and must outlive it to tell how the program ended.
  const command = `trap : INT; unset NO_COLOR FORCE_COLOR; ${environment} ${words}; echo "ended $?"; cat`;
  tmux(
    '-f',
    '/dev/null',
    'new-session',
    '-d',
    '-s',
    name,
    '-x',
    `${columns}`,
    '-y',
    '30',
    'sh',
    '-c',
    command,
  );
  const rows = () =>
    tmux('capture-pane', '-p', '-t', name)
      .trimEnd()
      .split('\n')
      .map(row => row.trimEnd());
  return {
    rows,
    press: key => tmux('send-keys', '-t', name, key),
    resize: width => tmux('resize-window', '-t', name, '-x', `${width}`),
    async until(test) {
      const deadline = performance.now() + 20_000;
      for (;;) {
        const seen = rows();
        if (test(seen)) return seen;
        if (performance.now() > deadline) throw new Error(`the terminal shows\n${seen.join('\n')}`);
        await new Promise(resolve => setTimeout(resolve, 20));
      }
    },
  };
}

const ended = (rows: string[]) => rows.some(row => row.startsWith('ended'));
/** True if at least so many bars are drawn, with something done. */
const drawn = (count: number) => (rows: string[]) =>
  rows.filter(row => /\[=+>.*\] +\d/.test(row)).length >= count;

const it = hasTmux ? test : test.skip;

test.after(() => {
  if (hasTmux) spawnSync('tmux', ['-L', server, 'kill-server']);
});

it('rows that are printed stand above the bar on a real terminal, each whole and in order', async () => {
  for (const columns of [80, 40]) {
    const window = open(columns, ['print rows', '20']);
    await window.until(drawn(1));
    const rows = await window.until(ended);
    assert.equal(
      rows.slice(0, 20),
      Array.from({ length: 20 }, (_, i) => `row ${i}`),
    );
    assert.match(
      rows[20]!,
      columns === 80 ? /^run \[=+\] 100 % 20\/20 .* took \d\.\d s$/ : /^run \[=+\] 100 % .*took/,
    );
    assert.equal(rows.slice(21), ['ended 0']);
  }
});

it('rows that are printed in pieces to both streams stay whole on a real terminal', async () => {
  const rows = await open(80, ['print pieces', '20']).until(ended);
  // The second half of the last row comes after the bar.
  const text = rows.filter(row => /^row ./.test(row));
  assert.equal(
    text,
    Array.from({ length: 19 }, (_, i) => `row ${i}`),
  );
});

it('what tasks print in threads stands above the bar on a real terminal', async () => {
  const rows = await open(80, ['print in tasks', '20']).until(ended);
  const numbers = rows.flatMap(row => /^task (\d+)$/.exec(row)?.[1] ?? []).map(Number);
  assert.equal(
    numbers.sort((a, b) => a - b),
    Array.from({ length: 20 }, (_, i) => i),
  );
  assert.is(rows.length, 22);
});

it('two runs have a line each on a real terminal, and each leaves one', async () => {
  const window = open(80, ['', '30', 'one', 'two']);
  const both = await window.until(drawn(2));
  assert.equal(
    both.map(row => row.slice(0, 5)),
    ['one [', 'two ['],
  );
  const rows = await window.until(ended);
  assert.equal(
    rows.map(row => row.replace(/\[.*\].*took .*/, '…')),
    ['one …', 'two …', 'ended 0'],
  );
});

it('Ctrl-C leaves no bar behind, and ends the program as it does without one', async () => {
  const window = open(60, ['', '3000', 'one', 'two']);
  await window.until(drawn(2));
  window.press('C-c');
  const rows = await window.until(ended);
  assert.equal(
    rows.map(row => row.replace(/ +\d.*stopped after .*/, ' …')),
    ['one …', 'two …', 'ended 130'],
  );
});

it('Ctrl-C that the program hears goes to the program, and the bar goes on', async () => {
  const window = open(60, ['listen', '3000']);
  await window.until(drawn(1));
  window.press('C-c');
  const rows = await window.until(rows => rows.some(row => row.endsWith('heard')) && drawn(1)(rows));
  assert.is(rows.length, 2);
  window.press('C-c');
  await window.until(rows => rows.filter(row => row.endsWith('heard')).length === 2 && drawn(1)(rows));
});

it('Ctrl-C that the program hears once ends it the second time, and leaves no bar behind', async () => {
  const window = open(60, ['listen once', '3000']);
  await window.until(drawn(1));
  window.press('C-c');
  await window.until(rows => rows.some(row => row.endsWith('heard')) && drawn(1)(rows));
  window.press('C-c');
  const rows = await window.until(ended);
  assert.match(rows.at(-2)!, /^run +\d+ % .* stopped after /);
  assert.is(rows.at(-1), 'ended 130');
  assert.is(rows.length, 3);
});

it('an uncaught error leaves no bar behind, nor does the end of the process', async () => {
  const failed = await open(80, ['throw']).until(ended);
  assert.ok(failed.some(row => row.includes('Error: uncaught')));
  assert.not.ok(
    failed.some(row => row.includes('[=')),
    failed.join('\n'),
  );
  const exited = await open(80, ['exit']).until(ended);
  assert.is(exited.length, 2);
  assert.match(exited[0]!, /^run +\d+ % \d+\/30 .* stopped after \d\.\d s$/);
  assert.is(exited[1], 'ended 3');
});

it('a bar follows a terminal that becomes narrower and wider, and leaves nothing of its former self', async () => {
  const window = open(80, ['', '3000', 'one', 'two']);
  await window.until(drawn(2));
  for (const columns of [40, 100, 30, 80]) {
    window.resize(columns);
    const fits = (row: string) => row.length <= columns - 1 && row.length > columns - 12;
    const rows = await window.until(rows => rows.length === 2 && drawn(2)(rows) && rows.every(fits));
    assert.equal(
      rows.map(row => row.slice(0, 3)),
      ['one', 'two'],
    );
  }
});

it('a dumb terminal gets lines', async () => {
  const rows = await open(80, ['', '30'], 'TERM=dumb').until(ended);
  assert.match(rows[0]!, /^run: \d\d\.\d%\. Run time: +\d\.\d\ds\. Est\. time left: 00:00:00:\d\d$/);
  assert.match(rows.at(-2)!, /^run: Total run time: +\d\.\d\ds$/);
});

test.run();
