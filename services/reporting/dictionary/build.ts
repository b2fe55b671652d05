/**
 * Rebuilds generic.ru.tsv from generic.en.tsv, the grammar and the hand-written common.ru.tsv.
 *
 *   node services/reporting/dictionary/build.ts           writes the file
 *   node services/reporting/dictionary/build.ts --check   exits 1 when the committed file is not what comes out
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compose } from './grammar/compose.ts';
import { severityOf } from './grammar/severity.ts';
import { cell, readTable } from './grammar/tables.ts';

const english = new URL('./generic.en.tsv', import.meta.url);
const common = new URL('./common.ru.tsv', import.meta.url);
const russian = new URL('./generic.ru.tsv', import.meta.url);

export function buildDictionary(): string {
  const handWritten = new Map(readTable(common).map((row) => [cell(row, 'code'), row] as const));
  const untranslated: string[] = [];
  const lines = readTable(english).map((row) => {
    const [code, meaningEn] = [cell(row, 'code'), cell(row, 'meaning_en')];
    const written = handWritten.get(code) ?? {};
    const meaning = cell(written, 'meaning') || compose(meaningEn);
    if (meaning === undefined) untranslated.push(`${code}\t${meaningEn}`);
    return `${code}\t${cell(written, 'severity') || severityOf(code, meaningEn)}\t${meaning}`;
  });
  if (untranslated.length > 0) throw new Error(`the lexicon cannot say:\n${untranslated.join('\n')}`);
  return `code\tseverity\tmeaning_ru\n${lines.sort().join('\n')}\n`;
}

function main(checkOnly: boolean): void {
  const built = buildDictionary();
  if (!checkOnly) {
    writeFileSync(russian, built);
    return;
  }
  if (readFileSync(russian, 'utf8') === built) return;
  console.error('generic.ru.tsv is not what the grammar gives: run node services/reporting/dictionary/build.ts and commit the result');
  process.exitCode = 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.includes('--check'));
