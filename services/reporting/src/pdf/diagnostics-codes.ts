/** The fault codes of a diagnostics report: a table for each kind, the worst codes first. */
import type { AssessedCode, CodeStatus, DiagnosticsAssessment } from '../diagnostics.ts';
import type { Sheet } from './sheet.ts';
import { drawTable, firstRowHeight, type Column, type Row } from './table.ts';
import { color, severityTone, severityWord, size, tones } from './theme.ts';

const GROUPS: ReadonlyArray<{ status: CodeStatus; title: string; note: string }> = [
  {
    status: 'stored',
    title: 'Сохранённые коды',
    note: 'Неисправность подтверждена блоком управления; обычно при этом горит лампа «Check Engine».',
  },
  { status: 'pending', title: 'Ожидающие коды', note: 'Замечены в одной поездке и ещё не подтверждены.' },
  {
    status: 'permanent',
    title: 'Постоянные коды',
    note: 'Сканером не стираются: исчезают, когда блок управления сам убедится в исправности.',
  },
];

const CODE_COLUMNS: readonly Column[] = [
  { title: 'Код и важность', width: 92 },
  { title: 'Что это значит', width: 142 },
  { title: 'Обычные причины', width: 142 },
  { title: 'Что делать', width: 135.28 },
];

function codeRow({ code, severity, origin, meaning, causes, advice }: AssessedCode): Row {
  const tone = severityTone[severity];
  const small = { size: size.small };
  return {
    tint: severity === 'high' ? tones.danger.pale : undefined,
    cells: [
      {
        text: code,
        style: { font: 'bold', size: 12 },
        below: { text: `${severityWord[severity]} важность`, sign: tone, style: { font: 'medium', size: size.tiny + 0.5 } },
        rest: [
          {
            text: origin === 'maker' ? 'код изготовителя' : origin === 'unknown' ? 'нет в справочнике' : 'общий код (SAE)',
            style: { size: size.tiny, color: color.muted },
          },
        ],
      },
      { text: meaning, style: { font: 'medium', size: size.small } },
      {
        text: causes.length === 0 ? '—' : '',
        style: { ...small, color: color.muted },
        rest: causes.map((cause) => ({ text: `• ${cause}`, style: small })),
      },
      { text: advice, style: small },
    ],
  };
}

export function drawCodes(sheet: Sheet, { codes, codeCount }: DiagnosticsAssessment): void {
  if (codeCount === 0) {
    sheet.heading('Коды неисправностей', { keep: 20 });
    sheet.paragraph('Кодов неисправностей нет: ни сохранённых, ни ожидающих, ни постоянных.');
    return;
  }
  for (const { status, title, note } of GROUPS) {
    const group = codes[status];
    if (group.length === 0) continue;
    const table = { columns: CODE_COLUMNS, rows: group.map(codeRow) };
    sheet.heading(`${title}: ${group.length}`, { keep: firstRowHeight(sheet, table), note });
    drawTable(sheet, { title, ...table });
  }
  const missing = GROUPS.filter(({ status }) => codes[status].length === 0).map(({ title }) => title.toLowerCase());
  if (missing.length > 0) sheet.paragraph(`Не найдены: ${missing.join(', ')}.`, { size: size.small, color: color.muted });
}
