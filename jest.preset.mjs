// Node 24 strips the types itself, so tests run the sources as they are, without a transform.
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@kiosk/source', 'node', 'default'] },
  testMatch: ['<rootDir>/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleFileExtensions: ['ts', 'mjs', 'cjs', 'js', 'json', 'node'],
  transform: {},
  // Long enough for a machine with five times the work that it can do.
  testTimeout: 120_000,
};
