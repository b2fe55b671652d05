// Adds up the results that each package's Jest left behind and prints the one plain closing line a CI log is searched for.
import { globSync, readFileSync } from 'node:fs';

let passed = 0, failed = 0, skipped = 0;
for (const file of globSync(['libs/*/.jest.json', 'services/*/.jest.json', 'dev/*/.jest.json', 'clients/*/.jest.json', 'operator/.jest.json', 'tests/.jest.json', 'bench/.jest.json', 'deploy/.jest.json'])) {
  const result = JSON.parse(readFileSync(file, 'utf8'));
  passed += result.numPassedTests;
  failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
  skipped += result.numPendingTests + result.numTodoTests;
}
console.log(`${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`);
process.exitCode = failed || !passed ? 1 : 0;
