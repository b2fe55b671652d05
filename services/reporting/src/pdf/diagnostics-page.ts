/** The diagnostics report: verdict, state of the car's self-check, codes by kind, monitors, parameters, conclusions. */
import type { AssessedParameter, DiagnosticsAssessment, DiagnosticsData } from '../diagnostics.ts';
import type { VerdictLevel } from '../diagnostics-verdict.ts';
import { AUTHENTICITY_HEIGHT } from './authenticity.ts';
import { drawConclusions } from './conclusions.ts';
import { drawCodes } from './diagnostics-codes.ts';
import { drawFacts, type Fact } from './header.ts';
import { drawNotice } from './notice.ts';
import type { Sheet } from './sheet.ts';
import { drawTable, firstRowHeight, type Cell, type Column, type Row } from './table.ts';
import { color, size, type Tone } from './theme.ts';
import { formatDuration, formatMoscow, formatNumber, formatQuantity, moscowZone, nbsp } from './typography.ts';
import { drawStrip } from './strip.ts';
import { drawVerdict } from './verdict-block.ts';

const VERDICT_TONE: Readonly<Record<VerdictLevel, Tone>> = {
  stop: 'danger',
  urgent: 'danger',
  repair: 'warning',
  watch: 'notice',
  unproven: 'warning',
  clear: 'good',
};

function facts(data: DiagnosticsData, assessment: DiagnosticsAssessment): Fact[] {
  return [
    { label: 'Автомобиль', value: `${data.vehicleMake} ${data.vehicleModel}`, wide: true },
    { label: 'Год выпуска', value: data.year === undefined ? 'не указан' : String(data.year) },
    { label: 'Пробег', value: data.mileageKm === undefined ? 'не указан' : formatQuantity(data.mileageKm, 'км', 0) },
    { label: 'VIN', value: data.vin ?? 'не указан', note: assessment.vinRemark, wide: true },
    {
      label: `Проверка (${moscowZone})`,
      value: formatMoscow(data.timestamp),
    },
    { label: 'Длительность', value: data.durationMs === undefined ? 'не указана' : formatDuration(data.durationMs) },
  ];
}

export function drawDiagnostics(sheet: Sheet, { data, assessment }: { data: DiagnosticsData; assessment: DiagnosticsAssessment }): void {
  const { verdict } = assessment;
  drawFacts(sheet, facts(data, assessment));
  drawVerdict(sheet, {
    tone: VERDICT_TONE[verdict.level],
    title: verdict.title,
    answers: [
      { question: 'Что найдено', answer: verdict.found },
      { question: 'Насколько срочно', answer: verdict.urgency },
      { question: 'Можно ли ехать', answer: verdict.driving },
    ],
  });
  drawState(sheet, data, assessment);
  drawCodes(sheet, assessment);
  drawMonitors(sheet, assessment);
  drawParameters(sheet, assessment.parameters);
  drawConclusions(sheet, { title: 'Выводы и рекомендации', lines: assessment.conclusions, tail: AUTHENTICITY_HEIGHT });
}

function clearingText({ clearedAt }: DiagnosticsData, { clearing }: DiagnosticsAssessment): { text: string; tone: Tone } {
  const at = clearedAt === undefined ? '' : ` ${formatMoscow(clearedAt)}`;
  if (clearing === 'before_scan') return { text: `стёрта${at}, до проверки`, tone: 'warning' };
  if (clearing === 'after_scan') return { text: `стёрта${at}, после считывания кодов`, tone: 'notice' };
  if (clearing === 'unknown_time') return { text: 'стёрта, время неизвестно', tone: 'warning' };
  return { text: 'при этой проверке не стиралась', tone: 'neutral' };
}

function drawState(sheet: Sheet, data: DiagnosticsData, assessment: DiagnosticsAssessment): void {
  const { readiness } = assessment;
  const clearing = clearingText(data, assessment);
  const lamp: { value: string; tone: Tone } =
    data.milOn === undefined
      ? { value: 'состояние не передано', tone: 'neutral' }
      : data.milOn
        ? { value: 'горит', tone: 'danger' }
        : { value: 'не горит', tone: 'good' };
  const ready: { value: string; tone: Tone } =
    readiness.total === 0
      ? { value: 'данные не получены', tone: 'neutral' }
      : {
          value: `завершено ${readiness.ready} из${nbsp}${readiness.total}`,
          tone: readiness.level === 'ready' ? 'good' : readiness.level === 'almost' ? 'notice' : 'warning',
        };
  drawStrip(sheet, [
    { label: 'Лампа «Check Engine» (MIL)', ...lamp },
    { label: 'Память ошибок', value: clearing.text, tone: clearing.tone },
    { label: 'Самопроверки (мониторы)', ...ready },
  ]);
}

const READINESS: Readonly<Record<DiagnosticsAssessment['readiness']['level'], { tone: Tone; text: string }>> = {
  ready: { tone: 'good', text: 'Все самопроверки завершены: у блока управления было время найти неисправности.' },
  almost: { tone: 'notice', text: 'Одна самопроверка не завершена: так бывает и в обычной эксплуатации.' },
  incomplete: { tone: 'warning', text: 'Несколько самопроверок не завершено: часть неисправностей могла ещё не проявиться.' },
  just_cleared: {
    tone: 'warning',
    text: 'Завершено мало самопроверок: память ошибок, вероятно, стирали недавно или отключали аккумулятор. '
      + 'Неисправности могли ещё не вернуться.',
  },
  unknown: { tone: 'neutral', text: 'Сканер не передал готовность самопроверок, поэтому давность стирания памяти неизвестна.' },
};

function drawMonitors(sheet: Sheet, { readiness, clearing }: DiagnosticsAssessment): void {
  const columns: Column[] = [
    { title: 'Самопроверка', width: 160 },
    { title: 'Состояние', width: 95.64 },
    { title: 'Самопроверка', width: 160 },
    { title: 'Состояние', width: 95.64 },
  ];
  const cells = readiness.monitors.map(({ title, ready }): Cell[] => [
    { text: title },
    { text: ready ? 'завершена' : 'не завершена', sign: ready ? 'good' : 'warning', style: { font: 'medium' } },
  ]);
  const rows: Row[] = [];
  for (let index = 0; index < cells.length; index += 2) rows.push({ cells: [...(cells[index] ?? []), ...(cells[index + 1] ?? [])] });
  const counted = readiness.total === 0 ? '' : `: ${readiness.ready} из${nbsp}${readiness.total}`;
  sheet.heading(`Готовность самопроверок${counted}`, { keep: rows.length === 0 ? 30 : firstRowHeight(sheet, { columns, rows }) + 40 });
  drawNotice(
    sheet,
    clearing === 'before_scan'
      ? {
          tone: 'warning',
          text: 'Память ошибок стёрта перед проверкой: самопроверки начались заново, и неисправности могли ещё не вернуться.',
        }
      : READINESS[readiness.level],
  );
  if (rows.length > 0) drawTable(sheet, { title: 'Готовность самопроверок', columns, rows, dense: true });
}

function normalText({ normal, unit }: AssessedParameter): string {
  if (!normal) return '—';
  const { min, max } = normal;
  const tail = unit === '' ? '' : `${unit === '°' ? '' : nbsp}${unit}`;
  if (min !== undefined && max !== undefined)
    return min === max ? `${formatNumber(min)}${tail}` : `${formatNumber(min)}…${formatNumber(max)}${tail}`;
  return min !== undefined ? `от${nbsp}${formatNumber(min)}${tail}` : `до${nbsp}${formatNumber(max ?? 0)}${tail}`;
}

const JUDGEMENT: Readonly<Record<AssessedParameter['judgement'], { text: string; sign: Tone }>> = {
  normal: { text: 'в норме', sign: 'good' },
  low: { text: 'ниже нормы', sign: 'warning' },
  high: { text: 'выше нормы', sign: 'warning' },
  stop: { text: 'опасно', sign: 'danger' },
  unjudged: { text: 'без оценки', sign: 'neutral' },
};

function drawParameters(sheet: Sheet, parameters: readonly AssessedParameter[]): void {
  if (parameters.length === 0) return;
  const columns: Column[] = [
    { title: 'Показатель', width: 205 },
    { title: 'Значение', width: 88, align: 'right' },
    { title: 'Норма', width: 98, align: 'right' },
    { title: 'Оценка', width: 120.28 },
  ];
  const rows = parameters.map((parameter): Row => {
    const { text, sign } = JUDGEMENT[parameter.judgement];
    return {
      cells: [
        { text: parameter.title },
        { text: formatQuantity(parameter.value, parameter.unit), style: { font: 'medium' } },
        { text: normalText(parameter), style: { color: color.muted } },
        {
          text,
          sign,
          style: { font: 'medium' },
          below:
            parameter.hint && parameter.judgement !== 'normal'
              ? { text: parameter.hint, style: { size: size.tiny, color: color.muted } }
              : undefined,
        },
      ],
    };
  });
  sheet.heading('Показатели двигателя', {
    keep: firstRowHeight(sheet, { columns, rows }),
    note: 'Норма — для прогретого двигателя на холостом ходу; у отдельных моделей она может отличаться.',
  });
  drawTable(sheet, { title: 'Показатели двигателя', columns, rows, dense: true });
}
