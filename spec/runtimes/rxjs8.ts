import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { project } from '../support/project.js';
import { expectedOnRxjs8 } from './expectedOnRxjs8.js';
import { installPackage, requestOf, runSpecs } from './runtimes.js';

// `npm run runtimes:rxjs`: every spec, as it was compiled for RxJS 7, on the newest alpha of RxJS 8.
// `npm run runtimes:rxjs -- --only "operators"`: some specs.
const { only } = requestOf(process.argv.slice(2));
const isPartial = process.argv.includes('--only');
const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-rxjs8-'));
try {
  const rxjs = await installPackage('rxjs', '^8.0.0-alpha.14', join(folder, 'rxjs'));
  const copy = join(folder, 'project');
  copyProject(copy, rxjs);
  const { version } = JSON.parse(readFileSync(join(rxjs, 'package.json'), 'utf8'));
  const { passed, failed, seconds, report } = await runSpecs(
    process.execPath,
    only,
    1_200,
    join(copy, 'dist/spec'),
  );
  const titles = [...report.matchAll(/^\s*FAIL .*?"(.*)"\s*$/gm)].map(([, title]) => title);
  const known = expectedOnRxjs8.map(({ title }) => title);
  const unexpected = failed - titles.filter(title => known.includes(title ?? '')).length;
  console.log(
    `rxjs ${version}: ${passed} passed, ${failed} failed, ${unexpected} of them unexpected, in ${seconds.toFixed(1)} s`,
  );
  if (unexpected > 0) console.error(report);
  const mended = isPartial ? [] : known.filter(title => !titles.includes(title));
  for (const title of mended)
    console.error(`"${title}" passes: remove it from spec/runtimes/expectedOnRxjs8.ts`);
  process.exitCode = unexpected > 0 || mended.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
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
