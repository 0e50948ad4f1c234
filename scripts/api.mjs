// Compares the public types, as they were built, with the reports in `api/`, and fails where they differ;
// `npm run api -- --update` writes the reports anew. What changes there is what changes for users.
import { dirname, join } from 'node:path';
import { Extractor, ExtractorConfig } from '@microsoft/api-extractor';

const root = dirname(import.meta.dirname);
const update = process.argv.includes('--update');

/** The declarations of each entry point, by the name of its report. */
const entryPoints = {
  index: 'dist/index.d.ts',
  task: 'dist/lib/task/entry.d.ts',
  bullmq: 'dist/lib/executors/cluster/index.d.ts',
  testing: 'dist/lib/testing/index.d.ts',
};

const muted = { default: { logLevel: 'none' } };

/** Whether the report of an entry point is as it was. */
function isUnchanged(name, declarations) {
  const extractorConfig = ExtractorConfig.prepare({
    packageJsonFullPath: join(root, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: root,
      mainEntryPointFilePath: join(root, declarations),
      newlineKind: 'lf',
      compiler: {
        overrideTsconfig: {
          extends: join(root, 'tsconfig.json'),
          files: [join(root, declarations)],
          include: [],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: `${name}.api.md`,
        reportFolder: join(root, 'api'),
        reportTempFolder: join(root, '.cache/api'),
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      // The compiler and TypeDoc have their say elsewhere.
      messages: {
        compilerMessageReporting: muted,
        extractorMessageReporting: muted,
        tsdocMessageReporting: muted,
      },
    },
  });
  const { apiReportChanged } = Extractor.invoke(extractorConfig, {
    localBuild: update,
    printApiReportDiff: !update,
    // What differs is worth reading, and nothing else.
    messageCallback: message => {
      message.handled = message.messageId !== 'console-api-report-diff';
    },
  });
  return !apiReportChanged;
}

const changed = Object.entries(entryPoints)
  .filter(([name, declarations]) => !isUnchanged(name, declarations))
  .map(([name]) => `api/${name}.api.md`);
if (update) console.log(changed.length > 0 ? `updated: ${changed.join(', ')}` : 'nothing has changed');
else if (changed.length > 0) {
  console.error(
    `The public types are not those of ${changed.join(', ')}. If that is meant, run \`npm run build && npm run api -- --update\` and commit the reports.`,
  );
  process.exitCode = 1;
}
