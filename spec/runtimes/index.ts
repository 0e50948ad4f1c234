import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install, requestOf, runSpecs, versionOf } from './runtimes.js';

// `npm run runtimes`: every spec on every line of Node, whose binaries are installed beside the project for the time of it.
// `npm run runtimes -- 22 24 --only "operators"`: some lines, some specs.
const { versions, only } = requestOf(process.argv.slice(2));
const folder = mkdtempSync(join(tmpdir(), 'rx-parfor-runtimes-'));
process.exitCode = 0;
try {
  console.log('version     passed   failed   seconds');
  for (const version of versions) {
    const node = await install(version, join(folder, version));
    const name = await versionOf(node);
    const { passed, failed, seconds, report } = await runSpecs(node, only);
    const cells = [passed, failed, seconds.toFixed(1)].map(cell => String(cell).padStart(9));
    console.log(`${name.padEnd(9)}${cells.join('')}`);
    if (report) console.error(report);
    if (failed > 0) process.exitCode = 1;
    rmSync(join(folder, version), { recursive: true, force: true });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
