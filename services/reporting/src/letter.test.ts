import { expect, test } from '@jest/globals';
import type { Delivery } from './delivery.ts';
import { emailOf, smsOf } from './letter.ts';
import type { ReportDocument } from './pdf/report-document.ts';
import type { Report } from './report.ts';

const delivery: Delivery = {
  id: 'dlv_1', reportId: 'rep_01hv3abcdek3f9xq2a', channel: 'email', recipient: 'ivan@example.com', cause: 'report', messageId: '<dlv_1@kiosk.example>',
  status: 'sending', attempts: 1, ambiguousAttempts: 0, createdAt: 1,
};
const report: Report = {
  id: 'rep_01hv3abcdek3f9xq2a', sessionId: 'ses_1', type: 'diagnostics', status: 'ready', summary: 'Неисправностей не найдено. Кодов нет.', templateVersion: 1, createdAt: 1,
};
const document: ReportDocument = {
  kind: 'diagnostics', reportId: report.id, sessionId: 'ses_1', createdAt: 1, brand: { name: 'Автокиоск <№ 1>', phone: '+7 495 000-00-00' }, checkUrl: 'http://localhost/check/1',
  data: { vehicleMake: 'LADA', vehicleModel: 'Granta 1.6', dtcCodes: [], timestamp: 1 },
};
const link = { url: 'https://kiosk.example/r/AAAAAAAAAAAAAAAAAAAAAA', expiresAt: Date.UTC(2026, 11, 20, 9) };
const material = { delivery, report, document, link, from: { name: 'Автокиоск', address: 'reports@kiosk.example' }, pdf: new Uint8Array([1]) };

test('the e-mail says in its subject and its text what it is about and what was found', () => {
  const { subject, text, html, to, messageId, attachment } = emailOf(material);
  expect({ subject, to, messageId, filename: attachment.filename }).toEqual({
    subject: 'Отчёт о диагностике LADA Granta 1.6', to: 'ivan@example.com', messageId: '<dlv_1@kiosk.example>', filename: 'otchet-K3F9XQ2A.pdf',
  });
  for (const part of [text, html]) {
    expect(part).toContain('Неисправностей не найдено. Кодов нет.');
    expect(part).toContain(report.id);
    expect(part).toContain('+7 495 000-00-00');
    expect(part).toContain(link.url);
    expect(part).toContain('до 20.12.2026');
  }
});

test('a car without a name leaves a subject that reads well', () => {
  const thickness: ReportDocument = { ...document, kind: 'thickness', data: { vehicleType: 'sedan', measurements: [], timestamp: 1 } };
  expect(emailOf({ ...material, report: { ...report, type: 'thickness' }, document: thickness }).subject).toBe('Отчёт о толщине ЛКП');
});

test('D9 nothing that came from outside breaks a header or the page, and nothing is loaded from elsewhere', () => {
  const data = { ...document.data, vehicleMake: 'LADA\r\nBcc: x@example.com', vehicleModel: '<img src=http://evil.example/x.png>' };
  const { subject, html } = emailOf({ ...material, document: { ...document, data } as ReportDocument });
  expect(subject).not.toMatch(/[\r\n\0]/);
  expect(html).not.toContain('<img');
  expect(html).toContain('Автокиоск &lt;№ 1&gt;');
  expect(html).not.toMatch(/<[^>]*\b(src|background)\s*=/);
  expect([...html.matchAll(/href\s*=\s*"([^"]*)"/g)].map(([, url]) => url)).toEqual([link.url]);
});

test('D10 the text message is one part of 70 characters with the longest address allowed, and says nothing but that it is ready', () => {
  const { text } = smsOf({ delivery: { ...delivery, channel: 'sms', recipient: '+79123456789' }, link: { ...link, url: `https://${'k'.repeat(24)}/r/${'A'.repeat(22)}` } });
  expect(text).toHaveLength(70);
  expect(text).toMatch(/^Отчёт готов: https:\/\/k+\/r\/A{22}$/);
});
