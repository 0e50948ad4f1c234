// Mutation testing: small changes to the engine, each of which some spec should notice.
// Properties run at a tenth of their length, as every mutant runs all of these specs.
process.env.PROPERTY_SHARE ??= '0.1';

export default {
  mutate: ['lib/dispatch/*.ts', 'lib/serialization/columnBatch.ts'],
  buildCommand: 'tsc --noCheck',
  testRunner: 'command',
  commandRunner: {
    command:
      'uvu dist/spec "(dispatch/.*|serialization/columnBatch|operators/(laws|parallelMap.*|parfor))\\.spec\\.js$" --bail',
  },
  concurrency: 2,
  timeoutMS: 4_000,
  reporters: ['progress-append-only', 'clear-text', 'html'],
  clearTextReporter: { allowColor: false, reportTests: false },
  htmlReporter: { fileName: 'coverage/mutation.html' },
  tempDirName: '.cache/stryker',
  ignorePatterns: ['dist', 'coverage', 'docs', 'bench', '.cache'],
};
