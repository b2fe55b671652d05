/**
 * What a fault code means, in Russian.
 *
 * Generic codes come from the dictionary beside this service; a maker's own code says that it is the maker's
 * and nothing more, because a guess on a report is worse than no meaning.
 */
import { readFileSync } from 'node:fs';

export type DtcEntry = {
  code: string;
  origin: 'generic' | 'maker' | 'unknown';
  meaning: string;
  severity: 'high' | 'medium' | 'low';
  causes: readonly string[];
  advice?: string;
};

const wellFormed = /^[PCBU][0-3][0-9A-F]{3}$/;

/** SAE J2012: P1, P30–P33, and the first and second groups of chassis, body and network codes belong to makers. */
const makersOwn = /^(P1|P3[0-3]|[CBU][12])/;

/** Set aside by the same standard for later use. */
const reserved = /^[BC]3/;

const systems: Readonly<Record<string, string>> = {
  P: 'двигатель и трансмиссия', C: 'шасси', B: 'кузов', U: 'сеть обмена данными',
};

/** Lines that are sorted by the code that they begin with. As bytes they are read at once and take their own size, a tenth of what ten thousand objects would. */
let tables: { generic: Buffer; common: Buffer } | undefined;

export function lookUpDtc(code: string): DtcEntry {
  const wanted = code.trim().toUpperCase();
  tables ??= { generic: read('generic.ru.tsv'), common: read('common.ru.tsv') };
  const [found, severity = '', meaning = ''] = find(tables.generic, wanted) ?? [];
  if (found === undefined) return absent(wanted);
  const [, , , causes = '', advice = ''] = find(tables.common, wanted) ?? [];
  return {
    code: wanted, origin: 'generic', meaning, severity: asSeverity(severity), causes: causes === '' ? [] : causes.split('; '), ...(advice === '' ? {} : { advice }),
  };
}

function absent(code: string): DtcEntry {
  const nothingKnown = { code, severity: 'medium', causes: [] } as const;
  if (!wellFormed.test(code)) return { ...nothingKnown, origin: 'unknown', meaning: 'Запись не похожа на код неисправности OBD-II' };
  const system = systems[code.charAt(0)] ?? '';
  if (makersOwn.test(code)) {
    return { ...nothingKnown, origin: 'maker', meaning: `Код производителя (${system}): значение знает только документация марки` };
  }
  if (reserved.test(code)) return { ...nothingKnown, origin: 'unknown', meaning: `Код зарезервирован стандартом и значения пока не имеет (${system})` };
  return { ...nothingKnown, origin: 'unknown', meaning: `Код стандартный, но в справочнике его нет (${system})` };
}

/** The sources and the built service are both one level below the service, so one relative path serves both. */
function read(file: string): Buffer {
  return readFileSync(new URL(`../dictionary/${file}`, import.meta.url));
}

/** The columns of a code's line, by bisection. */
function find(table: Buffer, code: string): string[] | undefined {
  let from = endOfLine(table, 0) + 1;
  let to = table.length;
  while (from < to) {
    const start = table.lastIndexOf('\n', Math.floor((from + to) / 2) - 1) + 1;
    const end = endOfLine(table, start);
    const at = table.toString('latin1', start, table.indexOf('\t', start));
    if (at === code) return table.toString('utf8', start, end).split('\t');
    if (at < code) from = end + 1;
    else to = start;
  }
  return undefined;
}

function endOfLine(table: Buffer, from: number): number {
  const at = table.indexOf('\n', from);
  return at < 0 ? table.length : at;
}

function asSeverity(text: string): DtcEntry['severity'] {
  if (text === 'high' || text === 'medium' || text === 'low') return text;
  throw new Error(`generic.ru.tsv has a severity of "${text}"`);
}
