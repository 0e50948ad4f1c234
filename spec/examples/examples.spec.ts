// Every numbered example runs in a child process in an empty folder, as a user runs it.
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { hasRedis } from '../support/cluster/redisServer.js';

const root = dirname(createRequire(import.meta.url).resolve('rx-parfor/package.json'));
const examples = fileURLToPath(new URL('../../examples/', import.meta.url));

interface Result {
  readonly stdout: string;
  readonly stderr: string;
  readonly files: Readonly<Record<string, Buffer>>;
}

function run(example: string): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-example-'));
  const options = { cwd: folder, timeout: 60_000, env: { ...process.env, FORCE_COLOR: '0' } };
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [join(examples, example)], options, (error, stdout, stderr) => {
      const names = readdirSync(folder);
      const files = Object.fromEntries(names.map(name => [name, readFileSync(join(folder, name))]));
      rmSync(folder, { recursive: true });
      if (error) reject(error);
      else resolve({ stdout, stderr, files });
    });
  });
}

const lines = (text: string | Buffer | undefined) => String(text).trimEnd().split('\n');

/** What each example has to show. */
const expectations: Record<string, (result: Result) => void> = {
  '01-jaynes-cummings.js': ({ stdout, stderr, files }) => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    assert.ok(readme.includes(`\`\`\`text\n${stdout}\`\`\``), `the README shows this output: ${stdout}`);
    assert.match(stderr, /^100\.0%\. Run time: .*\nTotal run time: .*s\n$/m);
    assert.equal(Object.keys(files).sort(), ['jaynes-cummings.csv', 'jaynes-cummings.svg']);
    const [header, ...rows] = lines(files['jaynes-cummings.csv']);
    assert.is(header, 'drive_frequency,photon_number,excited_population,purity');
    assert.is(rows.length, 201);
    assert.match(String(files['jaynes-cummings.svg']), /^<svg/);
  },
  '02-option-price.js': ({ stdout }) => {
    const [last = '', ...others] = lines(stdout).reverse();
    assert.is(last, 'after 1,780,000 paths; Black and Scholes have 8.021');
    for (const line of others) assert.match(line, /^8\.\d{3} ± 0\.0\d{2}$/);
    assert.is(others[0], '8.036 ± 0.010');
  },
  '03-mandelbrot.js': ({ stdout, stderr, files }) => {
    assert.equal(lines(stdout), ['area       1.51 (known: 1.51)', 'written    mandelbrot.png']);
    assert.match(stderr, /^100\.0%\. Run time: .*\nTotal run time: .*s\n$/m);
    const image = files['mandelbrot.png'] as Buffer;
    assert.is(image.toString('latin1', 0, 4), '\x89PNG');
    assert.equal([image.readUInt32BE(16), image.readUInt32BE(20)], [960, 640]);
  },
  '04-epidemic.js': ({ stdout, files }) => {
    assert.equal(lines(stdout), [
      'contacts   0.4',
      'days_ill   12',
      'peak_day   37',
      'peak       48683',
      'spared     611',
      'written    epidemic.csv',
    ]);
    const [header, ...rows] = lines(files['epidemic.csv']);
    assert.is(header, 'contacts,days_ill,peak_day,peak,spared');
    assert.is(rows.length, 35);
    assert.is(rows.at(-1), '0.4,12,37,48683,611');
  },
  '06-cluster.js': ({ stdout, stderr }) => {
    assert.equal(lines(stdout), ['workers    3', 'splitting  0.1002, 2g = 0.1000']);
    assert.match(stderr, /^100\.0%\. Run time: .*\nTotal run time: .*s\n$/m);
  },
  '05-roots.js': ({ stdout }) => {
    const [cubic, parabola = '', ...others] = lines(stdout);
    assert.is(cubic, 'cubic: 2.094551');
    assert.match(parabola, /^parabola: .*did not return within 200 ms/);
    assert.equal(others, [
      'line: the task failed for input "line" (index 2): RangeError: the method diverges',
      'arctangent: 0.000000',
      'cubic: 2.094551',
    ]);
  },
};

test('every numbered example has an expectation here', () => {
  const names = readdirSync(examples).filter(name => /^\d\d-.*\.js$/.test(name));
  assert.equal(names.sort(), Object.keys(expectations).sort());
});

for (const [example, expect] of Object.entries(expectations)) {
  if (example === '06-cluster.js' && !process.env.CI && !hasRedis()) {
    console.log('06-cluster: skipped, as there is no redis-server on this machine');
    continue;
  }
  test(`${example.replace('.js', '')} runs and shows what it promises`, async () =>
    expect(await run(example)));
}

test.run();
