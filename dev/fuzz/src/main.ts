/** `npm run torture -- fuzz`. --cases (a million), --seed, and --first to send a case that failed again. Exits 1 after a failure. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({ options: { cases: { type: 'string', default: '1000000' }, seed: { type: 'string', default: '1' }, first: { type: 'string', default: '0' } } });
const startedAt = performance.now();
let [saidAt, told] = [startedAt, 0];
const result = await fuzz({
  cases: Number(values.cases), seed: Number(values.seed), first: Number(values.first),
  progress: ({ cases, failures }) => {
    for (const { case: number, what } of failures.slice(told)) console.error(`case ${number}: ${what}`);
    told = failures.length;
    if (performance.now() - saidAt < 30_000) return;
    saidAt = performance.now();
    console.log(`${cases} cases, ${failures.length} failures, ${Math.round((saidAt - startedAt) / 1000)} s`);
  },
});
const { failures, longestStallMs, ...counts } = result;
console.log(`seed ${values.seed}: ${JSON.stringify(counts)}, longest stall ${Math.round(longestStallMs)} ms, ${failures.length} failures, ${Math.round((performance.now() - startedAt) / 1000)} s`);
process.exitCode = failures.length > 0 ? 1 : 0;
