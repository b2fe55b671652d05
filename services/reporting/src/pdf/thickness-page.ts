/** The thickness report: verdict, body diagram, the car's own paint, panels, suspicious points, all readings, conclusions. */
import type { Panel, Reading, ReadingStatus, ThicknessAssessment, ThicknessData, ThicknessLimits } from '../thickness.ts';
import type { ThicknessVerdictLevel } from '../thickness-verdict.ts';
import { vehicleTypeTitles } from '../thickness-zones.ts';
import { diagramHeight, drawBodyDiagram } from './body-diagram.ts';
import { AUTHENTICITY_HEIGHT } from './authenticity.ts';
import { drawConclusions } from './conclusions.ts';
import { drawFacts, type Fact } from './header.ts';
import type { Sheet } from './sheet.ts';
import { drawStrip } from './strip.ts';
import { drawTable, firstRowHeight, type Cell, type Column, type Row } from './table.ts';
import { color, paintLook, tones, type Tone } from './theme.ts';
import { formatMoscow, formatNumber, moscowZone, nbsp } from './typography.ts';
import { drawVerdict } from './verdict-block.ts';

const VERDICT_TONE: Readonly<Record<ThicknessVerdictLevel, Tone>> = {
  heavy: 'danger',
  filler: 'danger',
  repainted_whole: 'warning',
  repainted: 'warning',
  thinned: 'notice',
  marked: 'notice',
  partial: 'warning',
  factory: 'good',
};
const um = (value: number): string => formatNumber(value, 0);

function facts(data: ThicknessData, assessment: ThicknessAssessment): Fact[] {
  const car = [data.vehicleMake, data.vehicleModel].filter((part) => part !== undefined).join(' ');
  const points = assessment.panels.reduce((sum, { readings }) => sum + readings.length, 0);
  return [
    { label: 'Автомобиль', value: car === '' ? 'не указан' : car, wide: true },
    { label: 'Кузов', value: vehicleTypeTitles[data.vehicleType] },
    { label: `Замер (${moscowZone})`, value: formatMoscow(data.timestamp) },
    { label: 'VIN', value: data.vin ?? 'не указан', note: assessment.vinRemark, wide: true },
    { label: 'Измерено панелей', value: String(assessment.panels.length) },
    { label: 'Измерено точек', value: String(points) },
  ];
}

type Input = { data: ThicknessData; assessment: ThicknessAssessment; limits: ThicknessLimits };

export function drawThickness(sheet: Sheet, { data, assessment, limits }: Input): void {
  const { verdict } = assessment;
  drawFacts(sheet, facts(data, assessment));
  drawVerdict(sheet, {
    tone: VERDICT_TONE[verdict.level],
    title: verdict.title,
    answers: [
      { question: 'Что найдено', answer: verdict.found },
      { question: 'Что это значит', answer: verdict.meaning },
      { question: 'Что делать', answer: verdict.advice },
    ],
  });
  drawOwnPaint(sheet, assessment);
  sheet.heading('Схема кузова', {
    keep: diagramHeight(sheet, data.vehicleType, assessment),
    note: 'Развёртка: вид сверху и обе стороны. Число — медиана панели в мкм, у панелей с отличиями — наибольшее значение.',
  });
  drawBodyDiagram(sheet, { vehicleType: data.vehicleType, assessment });
  drawPanels(sheet, assessment, limits);
  drawSuspicious(sheet, assessment);
  drawReadings(sheet, assessment.panels);
  drawConclusions(sheet, { title: 'Заключение', lines: assessment.conclusions, tail: AUTHENTICITY_HEIGHT });
}

function drawOwnPaint(sheet: Sheet, { own }: ThicknessAssessment): void {
  drawStrip(sheet, [
    { label: 'Собственная медиана автомобиля', value: `${um(own.medianUm)}${nbsp}мкм` },
    { label: 'Разброс (медианное отклонение)', value: `±${um(own.madUm)}${nbsp}мкм, точек: ${own.count}` },
    own.trusted
      ? { label: 'Отличной от своей считается', value: `краска толще ${um(own.limitUm)}${nbsp}мкм` }
      : { label: 'Медиана как образец не принята', value: 'сравнение с общими нормами', tone: 'warning' },
  ]);
}

function judgedBy({ own }: ThicknessAssessment, limits: ThicknessLimits): string {
  const coat = own.trusted
    ? `Окрашено — толще ${um(own.limitUm)}${nbsp}мкм и при этом толще нормы панели или `
      + `${formatNumber(limits.ownMedianFactor)}${nbsp}медианы автомобиля`
    : `Окрашено — от ${um(limits.secondCoatFromUm)}${nbsp}мкм и толще нормы панели`;
  return `${coat}; шпатлёвка — от ${um(limits.fillerFromUm)}${nbsp}мкм; серьёзный ремонт — более `
    + `${um(limits.heavyAboveUm)}${nbsp}мкм. Класс панели — по худшей точке.`;
}

function drawPanels(sheet: Sheet, assessment: ThicknessAssessment, limits: ThicknessLimits): void {
  const columns: Column[] = [
    { title: 'Панель', width: 127.28 },
    { title: 'Точек', width: 36, align: 'right' },
    { title: 'Мин, мкм', width: 50, align: 'right' },
    { title: 'Медиана, мкм', width: 70, align: 'right' },
    { title: 'Макс, мкм', width: 54, align: 'right' },
    { title: 'Норма, мкм', width: 62, align: 'right' },
    { title: 'Класс', width: 112 },
  ];
  const rows = assessment.panels.map(({ title, readings, minUm, medianUm, maxUm, normUm, paintClass }): Row => {
    const look = paintLook[paintClass];
    return {
      tint: paintClass === 'factory' ? undefined : tones[look.tone].pale,
      cells: [
        { text: title, style: { font: 'medium' } },
        { text: String(readings.length) },
        { text: um(minUm) },
        { text: um(medianUm), style: { font: 'medium' } },
        { text: um(maxUm) },
        { text: `${normUm.minUm}–${normUm.maxUm}`, style: { color: color.muted } },
        { text: `${look.letter} · ${look.word}`, style: { font: 'medium', color: tones[look.tone].strong } },
      ],
    };
  });
  sheet.heading('Панели', { keep: firstRowHeight(sheet, { columns, rows }), note: judgedBy(assessment, limits) });
  drawTable(sheet, { title: 'Панели', columns, rows, dense: true });
}

const STATUS: Readonly<Record<ReadingStatus, { word: string; tone: Tone }>> = {
  normal: { word: 'норма', tone: 'good' },
  warning: { word: 'внимание', tone: 'warning' },
  critical: { word: 'критично', tone: 'danger' },
};

function drawSuspicious(sheet: Sheet, { suspicious, own }: ThicknessAssessment): void {
  if (suspicious.length === 0) {
    sheet.heading('Подозрительные точки', { keep: 20 });
    sheet.paragraph('Нет: ни одна точка не отличается от остальных.');
    return;
  }
  const columns: Column[] = [
    { title: 'Панель', width: 165.28 },
    { title: 'Точка', width: 44, align: 'right' },
    { title: 'Толщина, мкм', width: 74, align: 'right' },
    { title: 'К медиане', width: 62, align: 'right' },
    { title: 'Класс', width: 96 },
    { title: 'Оценка', width: 70 },
  ];
  const ratio = (reading: Reading) => (own.medianUm > 0 ? `×${nbsp}${formatNumber(reading.valueUm / own.medianUm, 1)}` : '—');
  const rows = suspicious.map((reading): Row => {
    const look = paintLook[reading.paintClass];
    const { word, tone } = STATUS[reading.status];
    return {
      cells: [
        { text: reading.title, style: { font: 'medium' } },
        { text: String(reading.point) },
        { text: um(reading.valueUm), style: { font: 'bold' } },
        { text: ratio(reading) },
        { text: `${look.letter} · ${look.word}`, style: { color: tones[look.tone].strong } },
        { text: word, sign: tone, style: { font: 'medium' } },
      ],
    };
  });
  sheet.heading('Подозрительные точки', {
    keep: firstRowHeight(sheet, { columns, rows }),
    note: 'Самые толстые — первыми. «К медиане» — во сколько раз толще собственной краски автомобиля.',
  });
  drawTable(sheet, { title: 'Подозрительные точки', columns, rows, dense: true });
}

function drawReadings(sheet: Sheet, panels: readonly Panel[]): void {
  const columns: Column[] = [
    { title: 'Панель', width: 108 },
    { title: 'Замеры по точкам, мкм', width: 147.64 },
    { title: 'Панель', width: 108 },
    { title: 'Замеры по точкам, мкм', width: 147.64 },
  ];
  const cells = panels.map(({ title, readings }): Cell[] => [
    { text: title },
    { text: readings.map(({ point, valueUm }) => `${point}:${nbsp}${um(valueUm)}`).join('   ') },
  ]);
  const rows: Row[] = [];
  for (let index = 0; index < cells.length; index += 2) rows.push({ cells: [...(cells[index] ?? []), ...(cells[index + 1] ?? [])] });
  sheet.heading('Все замеры', { keep: firstRowHeight(sheet, { columns, rows }) });
  drawTable(sheet, { title: 'Все замеры', columns, rows, dense: true });
}
