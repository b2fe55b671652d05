/** Reads the tab-separated tables beside the grammar: first line names the columns, `#` starts a comment line. */
import { readFileSync } from 'node:fs';

export type Row = Readonly<Record<string, string>>;

export function readTable(file: URL): Row[] {
  const [header, ...lines] = readFileSync(file, 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const columns = (header ?? '').split('\t');
  return lines.map((line) => {
    const cells = line.split('\t');
    return Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? '']));
  });
}

export function readLexicon(name: string): Row[] {
  return readTable(new URL(`../lexicon/${name}.tsv`, import.meta.url));
}

export function cell(row: Row, column: string): string {
  return row[column] ?? '';
}
