/** `npm run doctor` checks what an operator gets wrong, each line with what to do. Exits 0 when nothing fails, 1 otherwise; warnings do not count. */
import { styleText } from 'node:util';
import { diagnose } from './doctor/diagnose.ts';
import type { Finding } from './doctor/finding.ts';
import { counted } from './words.ts';

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function print({ level, check, says, todo }: Finding): void {
  console.log(`${styleText(colours[level], level.padEnd(4), { stream: process.stdout })}  ${check}: ${says}`);
  if (todo !== undefined) console.log(`      → ${todo}`);
}

const found = await diagnose(process.env, print);
const of = (level: Finding['level']): number => found.filter((finding) => finding.level === level).length;
console.log(`${of('ok')} ok, ${counted(of('warn'), 'warning')}, ${counted(of('fail'), 'failure')}`);
process.exitCode = of('fail') > 0 ? 1 : 0;
