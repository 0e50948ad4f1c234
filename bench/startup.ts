/** From import to the first result, on a cold pool of two threads. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inOtherProcesses, interleavedSamples, median, warmUp } from './interleaved.js';
import { atMost, figure, fraction, present } from './section.js';
import { quick } from './settings.js';

const rounds = quick ? 3 : 25;
const run = promisify(execFile);
const child = fileURLToPath(new URL('./firstResult.js', import.meta.url));

/** What a child prints: ms from its first line to the first result. */
const firstResult = (candidate: string) =>
  inOtherProcesses(async () => Number((await run(process.execPath, [child, candidate])).stdout));

const names = { 'rx-parfor': 'rx-parfor', 'bare Tinypool': 'tinypool' } as const;
const candidates = Object.fromEntries(
  Object.entries(names).map(([name, child]) => [name, firstResult(child)]),
);
await warmUp(candidates);
const samples = await interleavedSamples(rounds, candidates);
const tinypool = median(samples['bare Tinypool'] as number[]);

await present({
  title: 'Start-up',
  about: `From import to the first result on a cold pool of two threads, each time in a new process, \`rxjs\` imported in both; ${rounds} rounds, candidates in turn.`,
  verdicts: [
    atMost('first result, × bare Tinypool', median(samples['rx-parfor'] as number[]) / tinypool, 1.3),
  ],
  tables: [
    {
      caption: 'Milliseconds',
      head: ['', 'median', 'quickest', '× bare Tinypool'],
      rows: Object.entries(samples).map(([name, times]) => [
        name,
        figure(median(times)),
        figure(Math.min(...times)),
        fraction(median(times) / tinypool),
      ]),
    },
  ],
});
