/**
 * The verdict and the conclusions of a diagnostics report, by rules. The first rule that holds decides:
 *
 * 1. `stop`     a code from STOP_CODES in any group, or a parameter past its dangerous limit: do not drive.
 * 2. `urgent`   a stored or permanent code of high severity: to the garage only, in the next days.
 * 3. `repair`   a stored or permanent code of medium severity, a pending code of high severity, or the MIL is on: repair within weeks.
 * 4. `unproven` no codes, but the memory was cleared before the scan (or at an unknown time), or most self-tests are not finished: no
 *    codes prove nothing.
 * 5. `watch`    only codes of low severity or pending ones, or a parameter out of its normal range: check at the next service.
 * 6. `unproven` nothing found, but two and more monitors are not ready, or none were read.
 * 7. `clear`    nothing found, and the self-tests had the time to find something.
 */
import type { DiagnosticsAssessment } from './diagnostics.ts';

export type VerdictLevel = 'stop' | 'urgent' | 'repair' | 'watch' | 'unproven' | 'clear';
export type Verdict = { level: VerdictLevel; title: string; found: string; urgency: string; driving: string };

type Facts = Pick<DiagnosticsAssessment, 'codes' | 'codeCount' | 'readiness' | 'clearing' | 'parameters' | 'vinRemark'> & {
  milOn?: boolean;
};

/** Large fuel leak (P0093), overheating of engine coolant, gearbox oil, engine oil (P0217, P0218, P0298), oil pressure too low (P0524). */
const STOP_CODES = new Set(['P0093', 'P0217', 'P0218', 'P0298', 'P0524']);
/** Misfires: driving on with them overheats and destroys the catalytic converter. */
const MISFIRE = /^P03(0[0-9]|1[0-2])$/;

type Forms = readonly [one: string, few: string, many: string];
const CODE: Forms = ['код', 'кода', 'кодов'];
const KINDS = {
  stored: ['сохранённый', 'сохранённых', 'сохранённых'],
  pending: ['ожидающий', 'ожидающих', 'ожидающих'],
  permanent: ['постоянный', 'постоянных', 'постоянных'],
} as const satisfies Record<string, Forms>;

function count(number: number, [one, few, many]: Forms): string {
  const tens = number % 100;
  const ones = number % 10;
  const teen = tens >= 11 && tens <= 14;
  return `${number}\u00A0${!teen && ones === 1 ? one : !teen && ones >= 2 && ones <= 4 ? few : many}`;
}

function levelOf({ codes, readiness, clearing, parameters, milOn, codeCount }: Facts): VerdictLevel {
  const confirmed = [...codes.stored, ...codes.permanent];
  const all = [...confirmed, ...codes.pending];
  if (all.some(({ code }) => STOP_CODES.has(code)) || parameters.some(({ judgement }) => judgement === 'stop')) return 'stop';
  if (confirmed.some(({ severity }) => severity === 'high')) return 'urgent';
  if (
    milOn === true
    || confirmed.some(({ severity }) => severity === 'medium')
    || codes.pending.some(({ severity }) => severity === 'high')
  )
    return 'repair';
  if (codeCount === 0 && (clearing === 'before_scan' || clearing === 'unknown_time' || readiness.level === 'just_cleared'))
    return 'unproven';
  if (codeCount > 0 || parameters.some(({ judgement }) => judgement === 'low' || judgement === 'high')) return 'watch';
  return readiness.level === 'ready' || readiness.level === 'almost' ? 'clear' : 'unproven';
}

const WORDS: Record<VerdictLevel, { title: string; urgency: string; driving: string }> = {
  stop: {
    title: 'Эксплуатировать автомобиль опасно',
    urgency: 'Немедленно: продолжение поездки грозит отказом двигателя или аварией.',
    driving: 'Нет. Заглушите двигатель и доставьте автомобиль в сервис на эвакуаторе.',
  },
  urgent: {
    title: 'Найдены серьёзные неисправности',
    urgency: 'Срочно: ремонт в ближайшие дни, до долгих поездок.',
    driving: 'Только до сервиса, без высоких оборотов и нагрузки. Если лампа «Check Engine» мигает — не ехать.',
  },
  repair: {
    title: 'Найдены неисправности, нужен ремонт',
    urgency: 'Планово: в течение двух–трёх недель.',
    driving: 'Можно, если нет рывков, потери мощности и мигания лампы «Check Engine».',
  },
  watch: {
    title: 'Есть замечания, срочного ремонта не требуется',
    urgency: 'Не срочно: проверить при ближайшем обслуживании.',
    driving: 'Можно.',
  },
  unproven: {
    title: 'Ошибок не найдено, но проверка неполная',
    urgency: 'Повторите проверку после 100\u00A0км обычной езды.',
    driving: 'Препятствий не найдено, но исправность этой проверкой не подтверждена.',
  },
  clear: {
    title: 'Неисправностей не найдено',
    urgency: 'Действий не требуется.',
    driving: 'Можно.',
  },
};

function found({ codes, codeCount, milOn, parameters }: Facts): string {
  const parts: string[] = [];
  if (codeCount === 0) parts.push('Кодов неисправностей нет.');
  else {
    const kinds = (['stored', 'pending', 'permanent'] as const)
      .filter((kind) => codes[kind].length > 0)
      .map((kind) => count(codes[kind].length, KINDS[kind]));
    const codeWord = count(codeCount, CODE);
    parts.push(kinds.length > 1 ? `${codeWord}: ${kinds.join(', ')}.` : `${kinds[0]} ${codeWord.split('\u00A0')[1]}.`);
  }
  if (milOn === true) parts.push('Лампа «Check Engine» горит.');
  const outside = parameters.filter(({ judgement }) => judgement !== 'normal' && judgement !== 'unjudged').length;
  if (outside > 0) parts.push(`Показателей вне нормы: ${outside}.`);
  return parts.join(' ');
}

export function verdictFor(facts: Facts): Verdict {
  const level = levelOf(facts);
  return { level, found: found(facts), ...WORDS[level] };
}

/** The sentences at the end of the report: what to do, in order of importance. Each `if` is one rule. */
export function conclusionsFor({
  codes,
  codeCount,
  readiness,
  clearing,
  parameters,
  milOn,
  verdict,
}: Facts & { verdict: Verdict }): string[] {
  const all = [...codes.stored, ...codes.permanent, ...codes.pending];
  const lines: string[] = [];
  if (verdict.level === 'stop') lines.push('Не начинайте движение, пока причина не устранена: ремонт после поездки обойдётся дороже.');
  const main = [...new Set([...codes.stored, ...codes.permanent].filter(({ severity }) => severity === 'high').map(({ code }) => code))];
  if (main.length > 0) {
    const shown = main.slice(0, 8).join(', ');
    const rest = main.length > 8 ? ` и\u00A0ещё\u00A0${main.length - 8}` : '';
    const others = new Set(all.map(({ code }) => code)).size > main.length;
    const consequence = main.length === 1 ? 'его следствием' : 'их следствием';
    lines.push(
      `Начните с ${main.length === 1 ? 'кода' : 'кодов'} высокой важности: ${shown}${rest}.`
        + (others ? ` Остальные могут оказаться ${consequence}.` : ''),
    );
  }
  if (all.some(({ code }) => MISFIRE.test(code))) {
    lines.push(
      'Пропуски воспламенения: несгоревшее топливо перегревает и разрушает каталитический нейтрализатор, откладывать ремонт невыгодно.',
    );
  }
  if (all.some(({ code }) => MISFIRE.test(code)) && all.some(({ code }) => code === 'P0420' || code === 'P0430')) {
    lines.push(
      'Есть и пропуски воспламенения, и низкая эффективность нейтрализатора: сначала устраните пропуски, затем проверьте нейтрализатор.',
    );
  }
  if (codes.pending.length > 0)
    lines.push('Ожидающие коды замечены в одной поездке и не подтверждены: если причина не случайна, они станут сохранёнными.');
  if (codes.permanent.length > 0) {
    lines.push(
      'Постоянные коды сканером не стираются: блок управления снимет их сам, когда убедится, что '
        + 'неисправности больше нет. Они остаются и после стирания памяти перед продажей.',
    );
  }
  if (all.some(({ origin }) => origin === 'maker'))
    lines.push('Часть кодов определена изготовителем: точное значение подскажет дилерский сканер или документация марки.');
  if (all.some(({ origin }) => origin === 'unknown'))
    lines.push('Часть кодов отсутствует в справочнике: уточните их по документации марки.');
  if (milOn === true && codeCount === 0)
    lines.push('Лампа «Check Engine» горит, а кодов нет: проверьте автомобиль сканером, который читает все блоки управления.');
  if (milOn === false && codes.stored.length > 0)
    lines.push('Сохранённые коды есть, а лампа «Check Engine» не горит: убедитесь, что она загорается при включении зажигания.');
  if (clearing === 'before_scan')
    lines.push('Память ошибок стёрта перед проверкой: отсутствие кодов не доказывает исправность. Проверьте ещё раз после 100\u00A0км.');
  if (clearing === 'after_scan')
    lines.push('Коды считаны до стирания памяти. Если неисправность осталась, они вернутся: проверьте ещё раз после 100\u00A0км.');
  if (clearing === 'unknown_time') lines.push('Память ошибок стирали, время неизвестно: коды, которых нет в отчёте, могли быть стёрты.');
  if (readiness.level === 'just_cleared') {
    lines.push(
      'Большинство самопроверок не завершено: память ошибок, вероятно, стирали недавно или отключали '
        + 'аккумулятор. Спросите продавца и повторите проверку.',
    );
  } else if (readiness.level === 'incomplete') {
    lines.push('Несколько самопроверок не завершено: соответствующие неисправности могли ещё не проявиться.');
  } else if (readiness.level === 'unknown' && clearing !== 'before_scan') {
    lines.push('Сканер не получил готовность самопроверок: давность стирания памяти определить нельзя.');
  }
  for (const { title, hint, judgement } of parameters) {
    if (hint !== undefined && judgement !== 'normal') lines.push(`${title}: ${hint}.`);
  }
  if (verdict.level === 'clear')
    lines.push('Самопроверки завершены, ошибок нет: по данным блока управления двигателем автомобиль исправен.');
  lines.push('Диагностика читает электронные блоки и не заменяет осмотр кузова, подвески и тормозов на подъёмнике.');
  return [...new Set(lines)]; // One parameter may be sent several times.
}
