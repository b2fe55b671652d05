/** Sentences with a shape of their own, where the part is not simply followed by what is wrong with it. */
import type { Case } from './decline.ts';

/** Says a noun phrase of the sentence in the asked case, or nothing when the lexicon does not know it. */
export type Say = (english: string, to: Case) => string | undefined;

type Frame = readonly [RegExp, (say: Say, match: RegExpExecArray) => string | undefined];

const frames: readonly Frame[] = [
  [/^lost communication with (.+)$/, (say, m) => joined('Нет связи', say(m[1] ?? '', 'ins'))],
  [/^invalid data(?: received)? from (.+)$/, (say, m) => prefixed('Недостоверные данные от', say(m[1] ?? '', 'gen'))],
  [/^software incompatibility with (.+)$/, (say, m) => joined('Несовместимость программного обеспечения', say(m[1] ?? '', 'ins'))],
  [/^(.+) received invalid data from (.+)$/, (say, m) => {
    const [receiver, sender] = [say(m[1] ?? '', 'nom'), say(m[2] ?? '', 'gen')];
    return receiver && sender && `${receiver}: получены недостоверные данные от ${sender}`;
  }],
  [/^(.+) (?:signal )?correlation(?: [A-Z])?$/, (say, m) => correlation(say, m[1] ?? '')],
  [/^excessive time to enter closed loop (.+) control$/, (say, m) => {
    const controlled = say(m[1] ?? '', 'ins');
    return controlled && `Слишком долгий переход к управлению ${controlled} с обратной связью`;
  }],
  [/^closed loop (.+) control at limit - (.+) too (low|high)$/, (say, m) => {
    const [controlled, measured] = [say(m[1] ?? '', 'ins'), say(m[2] ?? '', 'nom')];
    return controlled && measured && `Управление ${controlled} с обратной связью на пределе: ${measured} ${m[3] === 'low' ? 'ниже' : 'выше'} нормы`;
  }],
  [/^gear (\d+) incorrect ratio$/, (_say, m) => `Неверное передаточное отношение ${m[1]}-й передачи`],
  [/^reverse (?:(\d) )?incorrect ratio$/, (_say, m) => `Неверное передаточное отношение ${m[1] === undefined ? '' : `${m[1]}-й `}передачи заднего хода`],
  [/^stuck in gear (\d+)$/, (_say, m) => `Коробка передач не переключается с ${m[1]}-й передачи`],
  [/^unable to engage gear (\d+)$/, (_say, m) => `Не включается ${m[1]}-я передача`],
  [/^incorrect shift from gear (\d+)$/, (_say, m) => `Неверное переключение с ${m[1]}-й передачи`],
  [/^(\d+)-(\d+) shift$/, (_say, m) => `Переключение с ${m[1]}-й на ${m[2]}-ю передачу: неисправность`],
  [/^cylinder (\d+) (alternative fuel )?misfire detected$/, (_say, m) => `Пропуски воспламенения в цилиндре ${m[1]}${m[2] === undefined ? '' : ' (альтернативное топливо)'}`],
];

function prefixed(prefix: string, phrase: string | undefined): string | undefined {
  return phrase && `${prefix} ${phrase}`;
}

/** "с блоком", but "со щитком". */
function joined(prefix: string, phrase: string | undefined): string | undefined {
  return phrase && `${prefix} ${phrase.startsWith('щ') ? 'со' : 'с'} ${phrase}`;
}

/** "X/Y Correlation", "X - Y Correlation" and "X A/B Correlation". */
function correlation(say: Say, compared: string): string | undefined {
  const single = say(compared, 'nom');
  if (single !== undefined) return `${single}: рассогласование сигналов`;
  for (const separator of compared.matchAll(/ - |\//g)) {
    const [left, right] = [compared.slice(0, separator.index), compared.slice(separator.index + separator[0].length)];
    const sides = [say(left, 'nom'), say(right, 'nom')];
    if (sides[0] && sides[1]) return `Рассогласование сигналов: ${sides[0]} — ${sides[1]}`;
  }
  return undefined;
}

export function sayFrame(text: string, say: Say): string | undefined {
  for (const [pattern, render] of frames) {
    const match = pattern.exec(text);
    const said = match === null ? undefined : render(say, match);
    if (said !== undefined) return said;
  }
  return undefined;
}

