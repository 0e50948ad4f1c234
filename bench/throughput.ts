/** How many quick tasks a second: rows, columns and records, against pools that are driven by hand. */
import { count, lastValueFrom, mergeMap, type Observable, range } from 'rxjs';
import { parallelMap, parfor, threads } from '../index.js';
import { elapsed, inOtherProcesses, interleaved, warmUp } from './interleaved.js';
import { allPeers, type Peer } from './peers.js';
import { Python, type PythonOrder, pythonVersion } from './python.js';
import { atLeast, figure, present, type Table, type Verdict } from './section.js';
import { inFlight, quick, rounds, workers } from './settings.js';
import { labelled, powers } from './tasks.js';

const inputs = quick ? 100_000 : 1_000_000;

const pool = threads({ maxThreads: workers });
const peers = allPeers(workers);
const python = pythonVersion() === undefined ? undefined : new Python(workers);

/** Subscribes to all rows as a user does, and counts them. */
const drain = (source: Observable<unknown>): Promise<number> => lastValueFrom(source.pipe(count()));

/** Tasks per second of a sweep of `length` inputs. */
const rate = async (length: number, run: () => PromiseLike<unknown>): Promise<number> =>
  (length / (await elapsed(run))) * 1000;

const ours = {
  powers: {
    'rx-parfor, rows': () => drain(range(0, inputs).pipe(parallelMap(powers, { executor: pool }))),
    'rx-parfor, columns': () => drain(range(0, inputs).pipe(parfor(powers, { executor: pool }))),
  },
  labelled: {
    'rx-parfor, rows': () => drain(range(0, inputs).pipe(parallelMap(labelled, { executor: pool }))),
    'rx-parfor, columns': () => drain(range(0, inputs).pipe(parfor(labelled, { executor: pool }))),
  },
};

/** Peers get fewer inputs, as many as take a fraction of a second: their rate does not depend on it. */
const peerInputs = ({ name }: Peer): number => (name === 'threads.js' ? 500 : 10_000) / (quick ? 10 : 1);

const pythonOrders = (task: 'powers' | 'labelled'): Record<string, PythonOrder & { count: number }> => ({
  'Python executor.map': { by: 'ProcessPoolExecutor.map', task, count: quick ? 500 : 5000 },
  'Python executor.map, in eighths': {
    by: 'ProcessPoolExecutor.map',
    task,
    count: inputs,
    chunksize: Math.ceil(inputs / (4 * workers)),
  },
  'Python Pool.map': { by: 'Pool.map', task, count: inputs },
});

async function rates(task: 'powers' | 'labelled'): Promise<Record<string, number>> {
  const candidates: Record<string, () => Promise<number>> = {};
  for (const [name, run] of Object.entries(ours[task])) candidates[name] = () => rate(inputs, run);
  for (const peer of peers) {
    const length = peerInputs(peer);
    candidates[peer.name] = () =>
      rate(length, () => drain(range(0, length).pipe(mergeMap(x => peer.run(task, x), inFlight))));
  }
  for (const [name, order] of Object.entries(pythonOrders(task)))
    if (python)
      candidates[name] = inOtherProcesses(async () => (order.count / (await python.run(order))) * 1000);
  await warmUp(candidates);
  return interleaved(rounds, candidates);
}

const ratios = (caption: string, rates: Record<string, number>): Table => ({
  caption,
  head: ['', 'tasks/s', '× bare Tinypool'],
  rows: Object.entries(rates).map(([name, rate]) => [
    name === 'Tinypool' ? 'bare Tinypool' : name,
    figure(rate),
    figure(rate / (rates.Tinypool as number)),
  ]),
});

const numbers = await rates('powers');
const records = await rates('labelled');

const against = (rates: Record<string, number>, name: string): number =>
  (rates[name] as number) / (rates.Tinypool as number);

const verdicts: Verdict[] = [
  atLeast('rows of `x => [x, x**2, x**3]`, × bare Tinypool', against(numbers, 'rx-parfor, rows'), 200),
  atLeast('the same as columns, × bare Tinypool', against(numbers, 'rx-parfor, columns'), 250),
  atLeast("rows of `x => ({ x, s: 'a' + x })`, × bare Tinypool", against(records, 'rx-parfor, rows'), 40),
];

await present({
  title: 'Throughput',
  about: `Quick tasks a second, ${figure(inputs)} inputs on ${workers} workers; median of ${rounds}, candidates in turn. Peers have ${inFlight} tasks in flight under \`mergeMap\` and fewer inputs.`,
  verdicts,
  tables: [ratios('`x => [x, x**2, x**3]`', numbers), ratios("`x => ({ x, s: 'a' + x })`", records)],
});
