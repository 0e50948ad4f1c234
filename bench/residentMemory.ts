/** A child of `memory.js`: runs inputs from a generator through the candidate that is named, prints its resident memory. */
import { from, mergeMap, type Observable } from 'rxjs';

/** Resident memory of the process, in MB, and the time of the sweep. */
export interface Residence {
  /** When the threads had run their first inputs. */
  readonly start: number;
  /** The most until a tenth of the sweep was over. */
  readonly tenth: number;
  readonly peak: number;
  readonly seconds: number;
}

const [candidate, length] = process.argv.slice(2);
const total = Number(length);
const powers = (x: number): [number, number, number] => [x, x ** 2, x ** 3];

function* upTo(end: number): Generator<number> {
  for (let i = 0; i < end; i++) yield i;
}

async function rxParfor(): Promise<(end: number) => Observable<unknown>> {
  const { parallelMap, sweep, threads } = await import('../index.js');
  const executor = threads({ maxThreads: 2 });
  return end => sweep(upTo(end)).pipe(parallelMap(powers, { executor }));
}

async function tinypool(): Promise<(end: number) => Observable<unknown>> {
  const { bareTinypool } = await import('./peers.js');
  const pool = bareTinypool(2);
  return end => from(upTo(end)).pipe(mergeMap(x => pool.run('powers', x), 16));
}

const rows = await (candidate === 'tinypool' ? tinypool() : rxParfor());

const drain = (end: number, next: () => void): Promise<void> =>
  new Promise((resolve, reject) => rows(end).subscribe({ next, error: reject, complete: resolve }));

await drain(1000, () => undefined);
const resident = (): number => process.memoryUsage.rss() / 1e6;
const start = resident();
let tenth = start;
let peak = start;
let settled = 0;
const look = (): void => {
  peak = Math.max(peak, resident());
  if (settled <= total / 10) tenth = peak;
};
const since = performance.now();
const timer = setInterval(look, 20);
await drain(total, () => {
  settled += 1;
});
look();
clearInterval(timer);
const residence: Residence = { start, tenth, peak, seconds: (performance.now() - since) / 1000 };
console.log(JSON.stringify(residence));
process.exit();
