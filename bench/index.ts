/** Runs every bench, each in a process of its own, and writes `results.md`. */
import { fork } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pythonVersion } from './python.js';
import { markdownSection, markdownTable, type Section, verdictTable } from './section.js';
import { benchFolder, quick } from './settings.js';

const benches = [
  'throughput',
  'serial',
  'grain',
  'skew',
  'startup',
  'cancel',
  'memory',
  'mainThread',
  'scaling',
  'constants',
];

/** Runs one bench; it sends its section when it is done. */
function sectionOf(bench: string): Promise<Section> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(new URL(`./${bench}.js`, import.meta.url)), process.argv.slice(2));
    let section: Section | undefined;
    child.on('message', message => {
      section = message as Section;
    });
    child.on('error', reject);
    child.on('exit', code =>
      section ? resolve(section) : reject(new Error(`${bench} ended with code ${code}`)),
    );
  });
}

/** The installed version of a package, whose `package.json` may not be among its exports. */
function versionOf(name: string): string {
  const { paths } = createRequire(import.meta.url).resolve;
  for (const folder of paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as { version: string })
        .version;
    } catch {
      // Not in this folder, but perhaps in one further up.
    }
  }
  return 'not found';
}

const sections: Section[] = [];
for (const bench of benches) {
  const since = performance.now();
  const section = await sectionOf(bench);
  sections.push(section);
  console.log(markdownSection(section));
  console.log(`\n(${bench}: ${Math.round((performance.now() - since) / 1000)} s)\n`);
}

const packages = ['rxjs', 'tinypool', 'piscina', 'workerpool', 'poolifier', 'threads', 'tinybench'];
const versions = [
  `Node ${process.versions.node}`,
  ...packages.map(name => `${name} ${versionOf(name)}`),
  `Python ${pythonVersion() ?? 'not found'}`,
];
const machine = `${availableParallelism()} cores, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${process.platform} ${process.arch}`;

const results = [
  '# Results',
  `Written by \`npm run bench\` on ${new Date().toISOString().slice(0, 10)}.`,
  `- ${machine}\n- ${versions.join(', ')}`,
  markdownTable({ ...verdictTable(sections.flatMap(({ verdicts }) => verdicts)), caption: 'All targets' }),
  ...sections.map(markdownSection),
].join('\n\n');

if (!quick) writeFileSync(join(benchFolder, 'results.md'), `${results}\n`);
