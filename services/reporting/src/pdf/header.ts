/** The top of a report: whose it is, what it is, which car, when. */
import type { Sheet } from './sheet.ts';
import { color, size } from './theme.ts';
import { formatMoscow, moscowZone } from './typography.ts';

export type Brand = { name: string; phone?: string; site?: string };
/** A labelled fact about the car or the visit; `wide` ones take two of the four columns. */
export type Fact = { label: string; value: string; note?: string; wide?: boolean };

type HeaderInput = { brand: Brand; title: string; reportId: string; sessionId: string; createdAt: number };

export function drawHeader(sheet: Sheet, { brand, title, reportId, sessionId, createdAt }: HeaderInput): void {
  const half = sheet.width / 2;
  const contacts = [brand.phone, brand.site].filter((part) => part !== undefined && part !== '').join(' · ');
  const top = sheet.y;
  const nameStyle = { font: 'bold' as const, size: 14, color: color.brand };
  const contactsStyle = { size: size.small, color: color.muted, align: 'right' as const };
  const nameHeight = Math.max(
    20,
    sheet.heightOf({ text: brand.name, width: half, style: nameStyle }),
    sheet.heightOf({ text: contacts, width: half - 20, style: contactsStyle }) + 5,
  );
  sheet.artifact(() => sheet.doc.rect(sheet.left, top, 4, nameHeight).fill(color.accent));
  sheet.leaf('P', () => sheet.place({ text: brand.name, x: sheet.left + 12, y: top + 1.5, width: half, style: nameStyle }));
  if (contacts !== '')
    sheet.leaf('P', () => sheet.place({ text: contacts, x: sheet.left + half + 20, y: top + 5, width: half - 20, style: contactsStyle }));
  sheet.y = top + nameHeight + 8;
  sheet.artifact(() => sheet.doc.rect(sheet.left, sheet.y, sheet.width, 0.8).fill(color.line));
  sheet.y += 12;
  sheet.paragraph(title, { role: 'H1', font: 'bold', size: size.title, color: color.ink, gap: 1 });
  sheet.paragraph(`Отчёт №\u00A0${reportId} · сессия ${sessionId} · ${formatMoscow(createdAt)} (${moscowZone})`, {
    size: size.small,
    color: color.muted,
    gap: 8,
  });
}

/** A panel of facts in four columns; a fact's value wraps inside its cell and rows grow as needed. */
export function drawFacts(sheet: Sheet, facts: readonly Fact[]): void {
  const gap = 12;
  const pad = 10;
  const column = (sheet.width - pad * 2 - gap * 3) / 4;
  const labelStyle = { size: size.tiny, color: color.muted };
  const valueStyle = { font: 'medium' as const, size: size.body + 0.5 };
  const noteStyle = { size: size.tiny, color: color.muted };
  const rows: Array<Array<{ fact: Fact; x: number; width: number }>> = [[]];
  let used = 0;
  for (const fact of facts) {
    const span = fact.wide ? 2 : 1;
    if (used + span > 4) {
      rows.push([]);
      used = 0;
    }
    rows.at(-1)?.push({ fact, x: pad + used * (column + gap), width: column * span + gap * (span - 1) });
    used += span;
  }
  const heightOf = ({ fact, width }: { fact: Fact; width: number }) =>
    10
    + sheet.heightOf({ text: fact.value, width, style: valueStyle })
    + (fact.note ? sheet.heightOf({ text: fact.note, width, style: noteStyle }) : 0);
  const heights = rows.map((row) => Math.max(...row.map(heightOf)));
  const total = heights.reduce((sum, height) => sum + height + 7, 0) + pad * 2 - 7;
  sheet.ensure(total);
  const top = sheet.y;
  sheet.artifact(() => sheet.doc.roundedRect(sheet.left, top, sheet.width, total, 4).fill(color.panel));
  let y = top + pad;
  rows.forEach((row, index) => {
    for (const { fact, x, width } of row) {
      const { label, value, note } = fact;
      const left = sheet.left + x;
      const line = y;
      sheet.leaf('P', () => sheet.placeLine({ text: label, x: left, y: line, width, style: labelStyle }));
      sheet.leaf('P', () => sheet.place({ text: value, x: left, y: line + 10, width, style: valueStyle }));
      if (note) {
        const below = line + 10 + sheet.heightOf({ text: value, width, style: valueStyle });
        sheet.leaf('P', () => sheet.place({ text: note, x: left, y: below, width, style: noteStyle }));
      }
    }
    y += (heights[index] ?? 0) + 7;
  });
  sheet.y = top + total + 10;
}
