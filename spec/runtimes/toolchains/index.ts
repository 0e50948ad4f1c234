import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from '../../support/packed.js';
import { answer, outputOf, writeProject } from '../../support/userProject.js';
import { runNpm } from '../runtimes.js';
import { bundlers } from './bundlers.js';
import { compilers } from './compilers.js';
import { loaders, notebooks } from './loaders.js';
import { testRunners } from './testRunners.js';
import type { ToolchainProject } from './toolchainProject.js';

// `npm run runtimes:toolchains`: projects of users with loaders, bundlers, test runners and compilers, as these are
// published today. `npm run runtimes:toolchains -- jest webpack`: those whose name has one of the words.

const SECONDS_PER_STEP = 180;

const words = process.argv.slice(2);
const all = [...loaders, ...bundlers, ...testRunners, ...compilers, ...notebooks];
const chosen = all.filter(
  ({ name }) => words.length === 0 || words.some(word => name.toLowerCase().includes(word.toLowerCase())),
);
const folderOf = ({ name }: ToolchainProject): string => name.replace(/[^\w.]+/g, '-');

const isGood = ({ writes }: ToolchainProject, output: string): boolean =>
  writes ? writes.test(output) : output === answer;

/** Which versions of its packages a project has run with. */
const versionsOf = ({ packages }: ToolchainProject): string =>
  packages
    .map(specifier => {
      const name = specifier.replace(/(?<=.)@.*$/, '');
      const manifest = readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8');
      return `${name} ${JSON.parse(manifest).version}`;
    })
    .join(', ');

/** Prints a line of the table; the output, too, where it is not what it should be. */
function report(project: ToolchainProject, remark: string, output: string, begun: number): void {
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  const outcome = isGood(project, output) ? 'passed' : 'FAILED';
  console.log(`${outcome}  ${project.name.padEnd(48)} ${seconds.padStart(6)} s  ${remark}`);
  if (isGood(project, output)) return;
  console.error(output);
  process.exitCode = 1;
}

/** Runs the steps of a project, and returns what the last one writes; what all of them write, where that is not good. */
async function outputOfSteps(project: ToolchainProject, root: string): Promise<string> {
  const outputs: string[] = [];
  for (const step of project.steps) outputs.push(await outputOf(root, step, SECONDS_PER_STEP));
  const last = outputs.at(-1) as string;
  return isGood(project, last) ? last : outputs.join('\n');
}

const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-toolchains-'));
try {
  const { tarball } = await pack(folder);
  process.env.RX_PARFOR_TARBALL = tarball;
  const packages = new Set(chosen.flatMap(({ packages }) => packages));
  await runNpm(
    ['install', '--prefix', folder, tarball, 'rxjs@^7.8.2', '@types/node@20', ...packages],
    folder,
  );

  for (const project of chosen) {
    const begun = performance.now();
    const root = writeProject(folder, { ...project, name: folderOf(project) });
    report(project, versionsOf(project), await outputOfSteps(project, root), begun);
  }

  // What a bundler has noted of the places of packages holds no more.
  const moved = join(folder, 'moved');
  mkdirSync(moved);
  renameSync(join(folder, 'node_modules'), join(moved, 'node_modules'));
  for (const project of chosen.filter(({ moves }) => moves !== undefined)) {
    const [from, to] = [folder, moved].map(where => join(where, folderOf(project))) as [string, string];
    const out = project.moves as string;
    if (!existsSync(join(from, out))) continue;
    mkdirSync(to);
    cpSync(join(from, 'package.json'), join(to, 'package.json'));
    renameSync(join(from, out), join(to, out));
    const begun = performance.now();
    const output = await outputOf(to, project.steps.at(-1) as string[], SECONDS_PER_STEP);
    report(project, 'moved', output, begun);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
