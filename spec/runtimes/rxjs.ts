import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { project } from '../support/project.js';
import { expectedOnRxjs8 } from './expectedOnRxjs8.js';
import { installPackage, requestOf, runSpecs } from './runtimes.js';

// `npm run runtimes:rxjs`: every spec, as it was compiled for the RxJS of this project, on the oldest one that is supported
// and on the newest alpha of RxJS 8.
// `npm run runtimes:rxjs -- 7.5 --only "operators"`: some versions, some specs.
const { versions, only } = requestOf(process.argv.slice(2), ['7.2.0', '8']);
/** What TypeScript says of RxJS before 7.5.5, whose types only `moduleResolution: node10` finds. uvu may show blanks as dots. */
const WITHOUT_TYPES = /declaration.file.for.module.'rxjs/;
const isPartial = process.argv.includes('--only');
const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-rxjs-'));
process.exitCode = 0;
try {
  for (const version of versions) await runOn(version);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function runOn(line: string): Promise<void> {
  const range = line === '8' ? '^8.0.0-alpha.14' : line;
  const rxjs = await installPackage('rxjs', range, join(folder, line, 'rxjs'));
  const copy = join(folder, line, 'project');
  copyProject(copy, rxjs);
  const { version } = JSON.parse(readFileSync(join(rxjs, 'package.json'), 'utf8'));
  const { passed, failed, seconds, report } = await runSpecs(
    process.execPath,
    only,
    1_200,
    join(copy, 'dist/spec'),
  );
  const failures = report.split(/^\s*FAIL /m).slice(1);
  const titles = failures.map(failure => /"(.*)"/.exec(failure)?.[1]);
  const known = line === '8' ? expectedOnRxjs8.map(({ title }) => title) : [];
  const expected = failures.filter(
    (failure, i) => known.includes(titles[i] ?? '') || WITHOUT_TYPES.test(failure),
  );
  const unexpected = failed - expected.length;
  console.log(
    `rxjs ${version}: ${passed} passed, ${failed} failed, ${unexpected} of them unexpected, in ${seconds.toFixed(1)} s`,
  );
  if (unexpected > 0) console.error(report);
  const mended = isPartial ? [] : known.filter(title => !titles.includes(title));
  for (const title of mended)
    console.error(`"${title}" passes: remove it from spec/runtimes/expectedOnRxjs8.ts`);
  if (unexpected > 0 || mended.length > 0) process.exitCode = 1;
}

/** Copies what is compiled, where imports are looked up, and links the rest, with another RxJS among the packages. */
function copyProject(to: string, rxjs: string): void {
  mkdirSync(join(to, 'node_modules'), { recursive: true });
  for (const entry of readdirSync(project, { withFileTypes: true })) {
    const [from, path] = [join(project, entry.name), join(to, entry.name)];
    if (entry.name === 'dist' || entry.isFile()) cpSync(from, path, { recursive: true });
    else if (!['.git', 'node_modules'].includes(entry.name)) symlinkSync(from, path, 'junction');
  }
  const modules = join(project, 'node_modules');
  for (const name of readdirSync(modules))
    symlinkSync(name === 'rxjs' ? rxjs : join(modules, name), join(to, 'node_modules', name), 'junction');
}
