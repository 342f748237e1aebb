const suites = ['core', 'services', 'contract', 'integration', 'faults'];
const long = process.env.PALINODE_LONG === '1';

/** Run through `npm test` or `node --experimental-vm-modules node_modules/jest/bin/jest.js [path]`. */
export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2024', parser: { syntax: 'typescript' } }, module: { type: 'es6' }, sourceMaps: 'inline' },
    ],
  },
  testMatch: long ? ['<rootDir>/test/**/*.long.ts'] : suites.map((suite) => `<rootDir>/test/${suite}/**/*.test.ts`),
  modulePathIgnorePatterns: ['<rootDir>/.palinode/', '<rootDir>/tmp/'],
  setupFiles: ['<rootDir>/src/adapters/system/json-parse.ts'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  maxWorkers: 2,
  testTimeout: long ? 1_800_000 : 30_000,
};
