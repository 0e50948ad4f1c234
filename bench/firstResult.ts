/** A child of `startup.js`, with the library as it is published: prints the ms from its first line to the first result of the candidate that is named. */
const since = performance.now();
const [candidate] = process.argv.slice(2);
const { firstValueFrom, mergeMap, range } = await import('rxjs');

const double = (x: number): number => 2 * x;

async function rxParfor(): Promise<unknown> {
  const { parallelMap, threads } = await import('rx-parfor');
  return firstValueFrom(range(0, 100).pipe(parallelMap(double, { executor: threads({ maxThreads: 2 }) })));
}

async function tinypool(): Promise<unknown> {
  const { Tinypool } = await import('tinypool');
  const filename = new URL('./peerWorkers/double.js', import.meta.url).href;
  const pool = new Tinypool({ filename, minThreads: 2, maxThreads: 2 });
  return firstValueFrom(range(0, 100).pipe(mergeMap(x => pool.run(x), 2)));
}

await (candidate === 'tinypool' ? tinypool() : rxParfor());
console.log(performance.now() - since);
process.exit();

export {};
