/** `npm run security:check` proves each claim of docs/security.md on a system of its own. Exits 0 when all hold, 1 otherwise. */
import { checkSecurity } from './security.ts';

const verdicts = await checkSecurity(({ claim, holds, output }) => {
  console.log(`${holds ? 'ok  ' : 'fail'}  ${claim}`);
  if (!holds && output !== '') console.log(output.trimEnd());
});
process.exitCode = verdicts.every(({ holds }) => holds) ? 0 : 1;
