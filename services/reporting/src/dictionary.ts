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

let dictionary: ReadonlyMap<string, DtcEntry> | undefined;

export function lookUpDtc(code: string): DtcEntry {
  const wanted = code.trim().toUpperCase();
  dictionary ??= loadDictionary();
  return dictionary.get(wanted) ?? absent(wanted);
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

function loadDictionary(): ReadonlyMap<string, DtcEntry> {
  const common = new Map(rows('common.ru.tsv').map(([code = '', , , causes = '', advice = '']) => [code, { causes, advice }] as const));
  return new Map(rows('generic.ru.tsv').map(([code = '', severity = '', meaning = '']) => {
    const { causes = '', advice = '' } = common.get(code) ?? {};
    const entry: DtcEntry = { code, origin: 'generic', meaning, severity: asSeverity(severity), causes: causes === '' ? [] : causes.split('; ') };
    return [code, advice === '' ? entry : { ...entry, advice }] as const;
  }));
}

/** The sources and the built service are both one level below the service, so one relative path serves both. */
function rows(file: string): string[][] {
  const text = readFileSync(new URL(`../dictionary/${file}`, import.meta.url), 'utf8');
  return text.split('\n').slice(1).filter((line) => line !== '').map((line) => line.split('\t'));
}

function asSeverity(text: string): DtcEntry['severity'] {
  if (text === 'high' || text === 'medium' || text === 'low') return text;
  throw new Error(`generic.ru.tsv has a severity of "${text}"`);
}
