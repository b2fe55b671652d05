/**
 * A report's PDF. Its bytes depend on the document, the dictionary's texts and `templateVersion` alone: no clock, no randomness (pdfkit
 * makes the file's identifier from the info dictionary), one order of everything.
 */
import { dataDigest, drawAuthenticity } from './authenticity.ts';
import { drawDiagnostics } from './diagnostics-page.ts';
import { drawHeader } from './header.ts';
import { templateVersion, type ReportDocument } from './report-document.ts';
import { Sheet } from './sheet.ts';
import { color, contentBottom, page, size } from './theme.ts';
import { drawThickness } from './thickness-page.ts';
import { assessDiagnostics, type LookUpDtc } from '../diagnostics.ts';
import { lookUpDtc } from '../dictionary.ts';
import { assessThickness, defaultThicknessLimits } from '../thickness.ts';

const TITLES = { diagnostics: 'Отчёт о компьютерной диагностике', thickness: 'Отчёт о толщине лакокрасочного покрытия' } as const;

export function renderReport(
  document: ReportDocument,
  dictionary: LookUpDtc = lookUpDtc,
): { bytes: Uint8Array<ArrayBuffer>; pages: number } {
  const title = TITLES[document.kind];
  const created = new Date(document.createdAt);
  const sheet = new Sheet({
    lang: 'ru-RU',
    info: {
      Title: `${title} № ${document.reportId}`,
      Author: document.brand.name,
      Subject: subject(document),
      Creator: `Kiosk report template ${templateVersion}`,
      Producer: 'PDFKit',
      CreationDate: created,
      ModDate: created,
    },
  });
  drawHeader(sheet, { ...document, title });
  if (document.kind === 'diagnostics') {
    drawDiagnostics(sheet, { data: document.data, assessment: assessDiagnostics(document.data, dictionary) });
  } else {
    const limits = document.limits ?? defaultThicknessLimits;
    drawThickness(sheet, { data: document.data, assessment: assessThickness(document.data, limits), limits });
  }
  drawAuthenticity(sheet, {
    checkUrl: document.checkUrl,
    reportId: document.reportId,
    digest: dataDigest(document),
    brand: document.brand.name,
  });
  const pages = drawFooters(sheet, document);
  return { bytes: sheet.bytes(), pages };
}

function subject({ data }: ReportDocument): string {
  return [data.vehicleMake, data.vehicleModel, data.vin].filter((part) => part !== undefined).join(' ');
}

/** Drawn at the end, when the number of pages is known. Gives that number. */
function drawFooters(sheet: Sheet, { brand, reportId }: ReportDocument): number {
  const { count } = sheet.doc.bufferedPageRange();
  const style = { size: size.tiny, color: color.muted };
  const y = contentBottom + 16;
  for (let index = 0; index < count; index += 1) {
    sheet.doc.switchToPage(index);
    sheet.artifact(() => {
      sheet.doc.rect(sheet.left, y - 6, sheet.width, 0.6).fill(color.line);
      sheet.placeLine({ text: brand.name, x: sheet.left, y, width: 170, style });
      sheet.placeLine({
        text: `Отчёт №\u00A0${reportId}`,
        x: page.left + 170,
        y,
        width: sheet.width - 260,
        style: { ...style, align: 'center' },
      });
      sheet.placeLine({
        text: `стр.\u00A0${index + 1} из\u00A0${count}`,
        x: page.width - page.right - 90,
        y,
        width: 90,
        style: { ...style, align: 'right' },
      });
    });
  }
  return count;
}
