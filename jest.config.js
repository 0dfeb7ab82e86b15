const { availableParallelism } = require('node:os');

/** One runner for every workspace; `workspace-source` in the export conditions makes packages resolve to their TypeScript. */
const shared = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['workspace-source', 'node', 'require', 'default'] },
  transform: {
    // Types are checked by `npm run types`: here they are only removed.
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
};
module.exports = {
  projects: [
    {
      ...shared,
      displayName: 'services',
      testMatch: ['<rootDir>/{packages/*,payment-server,wallet-server,tools,deploy}/test/**/*.test.ts'],
    },
    { ...shared, displayName: 'e2e', testMatch: ['<rootDir>/e2e/test/**/*.test.ts'] },
    // Full load, real time limits, and what installs packages: `npm run test:long`.
    { ...shared, displayName: 'long', testMatch: ['<rootDir>/{e2e,deploy}/long/**/*.test.ts'] },
    // It needs Prometheus: `npm run test:monitoring`.
    { ...shared, displayName: 'monitoring', testMatch: ['<rootDir>/deploy/monitoring/test/**/*.test.ts'] },
    // It needs the packages of bench/: `npm run test:long` installs them.
    { ...shared, displayName: 'bench', testMatch: ['<rootDir>/bench/test/**/*.test.ts'] },
  ],
  // What is in bench/ runs in processes of its own, where nothing counts its lines.
  collectCoverageFrom: ['{.,packages}/*/src/**/*.ts', '!bench/**'],
  // No test waits so long: it ends one that hangs, on a machine however busy.
  testTimeout: 60_000,
  // Much of the time is spent waiting for timeouts and other processes.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
  coverageThreshold: { global: { lines: 95 } },
};
