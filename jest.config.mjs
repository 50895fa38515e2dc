/**
 * One Jest for all TypeScript packages; sources are read as they are, nothing has to be built first. AGLAIS_TESTS chooses:
 * `spark` those that start a real Spark on this machine, `units` all others. What is long by nature is left to jest.long.mjs.
 */
const CHOICES = {
  spark: { files: '*.spark.test.ts', but: [] },
  units: { files: '*.test.ts', but: ['\\.spark\\.test\\.ts$'] },
  all: { files: '*.test.ts', but: [] }
};
const { files, but } = CHOICES[process.env.AGLAIS_TESTS ?? 'all'];

const project = name => ({
  displayName: name,
  rootDir: `${import.meta.dirname}/${name}`,
  testMatch: [`<rootDir>/{src,test}/**/${files}`],
  testPathIgnorePatterns: ['/node_modules/', '\\.long\\.test\\.ts$', ...but],
  testEnvironment: 'node',
  modulePathIgnorePatterns: ['<rootDir>/aglais/', '<rootDir>/dist/', '<rootDir>/lib/'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript', tsx: true } } }
    ]
  },
  moduleNameMapper: {
    '^@aglais/protocol/(cell-tag|can-resize-in-place)$': `${import.meta.dirname}/protocol/src/$1.ts`,
    '^@aglais/(protocol|diagnosis|server)$': `${import.meta.dirname}/$1/src/index.ts`,
    '^@aglais/witness/(evidence-limits|share-probe|share-reports)$': `${import.meta.dirname}/witness/src/$1.ts`,
    '^(\\.{1,2}/.*)\\.js$': '$1'
  }
});

/** Five seconds are too short for tests that read files or start processes on a busy machine. */
const TEST_TIMEOUT_MS = 60_000;

export default {
  testTimeout: TEST_TIMEOUT_MS,
  projects: [
    'protocol',
    'diagnosis',
    'command',
    'witness',
    'server',
    'extension',
    'corpus',
    'testbed',
    'setup'
  ].map(project)
};
