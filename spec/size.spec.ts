// How much an import adds to a program's own bundle, other packages left aside: growth is a decision.
import { type BuildResult, build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { project } from './support/project.js';

/** Minified bytes that each import adds, as last measured. */
const measured: Readonly<Record<string, number>> = {
  "import { linspace } from 'rx-parfor'": 4_003,
  "import { TaskError } from 'rx-parfor'": 1_693,
  "import { toColumns } from 'rx-parfor'": 5_639,
  "import { inline } from 'rx-parfor'": 14_161,
  "import { serialMap } from 'rx-parfor'": 61_020,
  "import { parallelMap } from 'rx-parfor'": 105_051,
  "import * as all from 'rx-parfor'": 113_063,
  "import * as all from 'rx-parfor/task'": 2_001,
  "import * as all from 'rx-parfor/bullmq'": 92_170,
  "import * as all from 'rx-parfor/testing'": 118_790,
  "import * as all from 'rx-parfor/worker'": 48_646,
};

/** What runs in the thread that it is called in, and needs no workers. */
const withoutWorkers = ['linspace', 'sweep', 'grid', 'TaskError', 'toColumns', 'inline', 'serialMap', 'task'];

/** Bundles a program that imports this, and keeps all of it. */
async function bundleOf(statement: string): Promise<BuildResult & { readonly text: string }> {
  const name = /(\w+)(?: })? from/.exec(statement)?.[1];
  const result = await build({
    stdin: { contents: `${statement}; globalThis.kept = ${name};`, resolveDir: project },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'node',
    external: ['rxjs', 'tinypool', 'bullmq', 'ioredis'],
    logLevel: 'silent',
  });
  return { ...result, text: result.outputFiles[0]?.text ?? '' };
}

for (const [statement, before] of Object.entries(measured))
  test(`${statement} adds as many bytes as when it was last measured, give or take a twentieth, and no warning`, async () => {
    const { text, warnings } = await bundleOf(statement);
    const bytes = Buffer.byteLength(text);
    assert.ok(
      Math.abs(bytes - before) <= before / 20,
      `it adds ${bytes} bytes, and added ${before}: if that is as it should be, say so in spec/size.spec.ts`,
    );
    assert.equal(
      warnings.map(warning => warning.text),
      [],
    );
  });

for (const name of withoutWorkers)
  test(`a program that imports only ${name} loads no package but RxJS`, async () => {
    const { text } = await bundleOf(`import { ${name} } from 'rx-parfor'`);
    const packages = [...text.matchAll(/from"([^"]+)"|import"([^"]+)"/g)].map(
      ([, from, bare]) => from ?? bare,
    );
    assert.equal(
      packages.filter(name => name !== 'rxjs' && !name?.startsWith('node:')),
      [],
    );
  });

test.run();
