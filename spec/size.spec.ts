// How much an import adds to a program's own bundle, other packages left aside: growth is a decision.
import { build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from './support/project.js';

/** Minified bytes that each import adds, as last measured. */
const measured: Readonly<Record<string, number>> = {
  "import { linspace } from 'rx-parfor'": 12_671,
  "import { serialMap } from 'rx-parfor'": 78_178,
  "import { parallelMap } from 'rx-parfor'": 78_142,
  "import * as all from 'rx-parfor'": 85_786,
  "import * as all from 'rx-parfor/task'": 1_531,
  "import * as all from 'rx-parfor/bullmq'": 80_330,
  "import * as all from 'rx-parfor/testing'": 91_916,
  "import * as all from 'rx-parfor/worker'": 35_178,
};

/** The minified bytes of a program that imports this, and keeps all of it. */
async function bytesOf(statement: string): Promise<number> {
  const name = /(\w+)(?: })? from/.exec(statement)?.[1];
  const { outputFiles } = await build({
    stdin: { contents: `${statement}; globalThis.kept = ${name};`, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    external: ['rxjs', 'tinypool', 'bullmq', 'ioredis'],
    logLevel: 'error',
  });
  return outputFiles[0]?.contents.length ?? 0;
}

for (const [statement, before] of Object.entries(measured))
  test(`${statement} adds as many bytes as when it was last measured, give or take a tenth`, async () => {
    const bytes = await bytesOf(statement);
    assert.ok(
      Math.abs(bytes - before) <= before / 10,
      `it adds ${bytes} bytes, and added ${before}: if that is as it should be, say so in spec/size.spec.ts`,
    );
  });

test.run();
