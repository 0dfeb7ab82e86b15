/** One runner for every workspace; `source` in the export conditions makes packages resolve to their TypeScript. */
const shared = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'require', 'default'] },
  transform: {
    '^.+\\.ts$': ['ts-jest', { tsconfig: 'tsconfig.check.json' }],
  },
};
module.exports = {
  projects: [
    {
      ...shared,
      displayName: 'services',
      testMatch: ['<rootDir>/*/test/**/*.test.ts'],
      testPathIgnorePatterns: ['/node_modules/', '<rootDir>/e2e/'],
    },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/e2e/test/**/*.test.ts'] },
  ],
  // What is in bench/ runs in processes of its own, where nothing counts its lines.
  collectCoverageFrom: ['*/src/**/*.ts', '!bench/src/**'],
  // Much of the time is spent waiting for other processes: every core gets a worker.
  maxWorkers: '100%',
  coverageThreshold: { global: { lines: 95 } },
};
