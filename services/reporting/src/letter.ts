/** What the customer reads: the e-mail with the PDF attached, and the text message. The same delivery gives the same words every time. */
import type { Delivery } from './delivery.ts';
import type { EmailMessage } from './email.ts';
import type { ReportDocument } from './pdf/report-document.ts';
import { fileNameOf, vehicleName, type Report, type ReportType } from './report.ts';
import type { SmsMessage } from './sms.ts';

const about: Record<ReportType, string> = { diagnostics: 'диагностике', thickness: 'толщине ЛКП' };

/** `link` opens the report until `expiresAt`, epoch ms. */
type Material = { delivery: Delivery; report: Report; document: ReportDocument; link: { url: string; expiresAt: number } };

export function emailOf({ delivery, report, document, link, from, pdf }: Material & { from: EmailMessage['from']; pdf: Uint8Array }): EmailMessage {
  const title = oneLine(`Отчёт о ${about[report.type]} ${vehicleName(document)}`);
  const { brand } = document;
  const signature = [brand.name, brand.phone, brand.site].filter((line) => line !== undefined).map(oneLine);
  const opening = 'Здравствуйте! Ваш отчёт готов, он приложен к письму в формате PDF.';
  const until = `По ссылке отчёт открывается до ${dateOf(link.expiresAt)}:`;
  const footnote = 'Письмо отправлено автоматически: этот адрес указан при проверке автомобиля. Отвечать на него не нужно.';
  return {
    deliveryId: delivery.id, messageId: delivery.messageId, date: delivery.createdAt, from, to: delivery.recipient, subject: title,
    text: [title, '', opening, '', `Итог: ${report.summary}`, '', until, link.url, '', `Номер отчёта: ${report.id}`, '', ...signature, '', footnote, ''].join('\n'),
    html: page({ title, opening, summary: report.summary, until, url: link.url, number: report.id, signature, footnote }),
    attachment: { filename: fileNameOf(report.id), content: pdf },
  };
}

/** One part in UCS-2, which Cyrillic needs (GSM 03.40): a second one would cost as much again. */
export const smsLimitCharacters = 70;

/** Nothing of the customer or the car: anybody may look at a phone (D10). */
export function smsText(url: string): string {
  return `Отчёт готов: ${url}`;
}

export function smsOf({ delivery, link }: Pick<Material, 'delivery' | 'link'>): SmsMessage {
  return { deliveryId: delivery.id, date: delivery.createdAt, to: delivery.recipient, text: smsText(link.url) };
}

let inMoscow: Intl.DateTimeFormat | undefined;

/** 20.12.2026, in Moscow. */
function dateOf(at: number): string {
  inMoscow ??= new Intl.DateTimeFormat('ru-RU', { dateStyle: 'short', timeZone: 'Europe/Moscow' });
  return inMoscow.format(at);
}

/** D9: nothing that a kiosk sent can start a header of its own. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}

/** Tables and inline styles, because that is what mail programs agree on. Nothing is loaded from elsewhere. */
function page({ title, opening, summary, until, url, number, signature, footnote }: {
  title: string; opening: string; summary: string; until: string; url: string; number: string; signature: readonly string[]; footnote: string;
}): string {
  const font = 'font-family:Arial,Helvetica,sans-serif';
  return `<!doctype html>
<html lang="ru">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escape(title)}</title></head>
<body style="margin:0;padding:0;background:#f2f4f7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f2f4f7"><tr><td align="center" style="padding:24px 12px">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="max-width:560px;background:#ffffff;border:1px solid #d9dee5">
<tr><td style="padding:24px 28px 8px;${font};font-size:20px;line-height:28px;font-weight:bold;color:#1b2430">${escape(title)}</td></tr>
<tr><td style="padding:0 28px 16px;${font};font-size:15px;line-height:22px;color:#1b2430">${escape(opening)}</td></tr>
<tr><td style="padding:0 28px 16px">
<div style="padding:14px 16px;border-left:4px solid #1f5fbf;background:#f2f6fc;${font};font-size:15px;line-height:22px;color:#1b2430">${escape(summary)}</div></td></tr>
<tr><td style="padding:0 28px 12px;${font};font-size:13px;line-height:20px;color:#5a6675">${escape(until)}<br>
<a href="${escape(url)}" style="color:#1f5fbf;word-break:break-all">${escape(url)}</a></td></tr>
<tr><td style="padding:0 28px 20px;${font};font-size:13px;line-height:20px;color:#5a6675">Номер отчёта: ${escape(number)}</td></tr>
<tr><td style="padding:16px 28px;border-top:1px solid #d9dee5;${font};font-size:14px;line-height:20px;color:#1b2430">${signature.map(escape).join('<br>')}</td></tr>
<tr><td style="padding:0 28px 24px;${font};font-size:12px;line-height:18px;color:#5a6675">${escape(footnote)}</td></tr>
</table>
</td></tr></table>
</body>
</html>
`;
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', '\'': '&#39;' };

function escape(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]!);
}
