// Draws bars on the terminal that it runs on, and does meanwhile what its arguments say.

import { parallelMap, progressBar, serialMap, threads } from 'rx-parfor';
import { range } from 'rxjs';

const [what = '', inputs = '30', ...labels] = process.argv.slice(2);
const nap = (x: number) => new Promise<number>(resolve => setTimeout(resolve, 20, x));

/** What is done with each row. */
const deeds: Record<string, (row: number) => void> = {
  'print rows': row => console.log(`row ${row}`),
  'print pieces': row => {
    process.stdout.write('row ');
    setTimeout(() => console.error(row), 10);
  },
  throw: row => {
    if (row === 10) throw new Error('uncaught');
  },
  exit: row => {
    if (row === 10) process.exit(3);
  },
};

if (what === 'print in tasks') {
  const executor = threads({ maxThreads: 2 });
  const talk = async (x: number) => {
    console.log(`task ${x}`);
    await new Promise(resolve => setTimeout(resolve, 20));
    return x;
  };
  range(0, Number(inputs))
    .pipe(parallelMap(talk, { executor, progress: true }))
    .subscribe({ complete: () => executor.close() });
} else if (what === 'listen') {
  process.on('SIGINT', () => console.log('heard'));
}
if (what !== 'print in tasks')
  for (const label of labels.length === 0 ? ['run'] : labels)
    range(0, Number(inputs))
      .pipe(serialMap(nap, { progress: progressBar({ label }) }))
      .subscribe(row => deeds[what]?.(row));
