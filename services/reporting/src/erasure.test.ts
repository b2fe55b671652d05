import { existsSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Fault } from '@kiosk/fault';
import { erasedSessionsName } from '@kiosk/service';
import type { Pdf } from './rendering.ts';
import { create, failure, hourMs, read, standInEmail, standInPdf, standInVisits, startClock, startTestReporting, temporaryFolder, type TestReporting } from './testing.ts';

const dayMs = 24 * hourMs;

function fileOf({ folder }: TestReporting, id: string): string {
  return join(folder, 'reports/2026/11', `${id}.pdf`);
}

describe('X4 erasing on request', () => {
  test('X4 takes the file, the data, the recipients and the links, and leaves the rows and the audit', async () => {
    await using reporting = await startTestReporting();
    const sessionId = reporting.visits.open();
    const { id, sha256 } = await create(reporting, { sessionId });
    const other = await create(reporting, { sessionId: reporting.visits.open({ contact: { email: 'other@example.com' } }) });
    await reporting.service.deliverDue();
    const token = /\/r\/([\w-]{22})/.exec(reporting.sms.sent[0]!.text)![1]!;

    expect(await reporting.client.eraseSessionReports({ sessionId })).toEqual({ erased: 1, known: true });
    expect(await reporting.client.eraseSessionReports({ sessionId })).toEqual({ erased: 0, known: true });

    expect(existsSync(fileOf(reporting, id))).toBe(false);
    expect(await failure(reporting.client.getReportPdf({ reportId: id }))).toEqual({ kind: 'not_found', reason: 'report_file_missing' });
    expect(await failure(reporting.client.openLink({ isLook: false, token }))).toEqual({ kind: 'not_found', reason: 'link_revoked' });
    expect(await failure(reporting.client.deliverReport({ idempotencyKey: '', reportId: id, to: { email: 'a@example.com' } }))).toEqual({ kind: 'conflict', reason: 'report_erased' });
    const report = await read(reporting, id);
    expect(report).toMatchObject({ sha256, deliveries: [{ toMasked: '***', status: 'DELIVERY_STATUS_SENT' }, { toMasked: '***', status: 'DELIVERY_STATUS_SENT' }] });
    expect(reporting.sql('SELECT event FROM audit_logs WHERE entity_id = ? ORDER BY id DESC LIMIT 1', id)).toEqual([{ event: 'report.erased' }]);
    expect(JSON.stringify(reporting.sql('SELECT * FROM deliveries'))).not.toMatch(/ivan|79123456789/);
    expect(JSON.stringify(reporting.sql('SELECT document, summary FROM reports WHERE id = ?', id))).toBe('[{"document":"{}","summary":""}]');
    expect((await reporting.client.getReportPdf({ reportId: other.id })).sha256).toBe(other.sha256);
  });

  test('X4 a delivery that waits or is under way ends, and what its worker says later changes nothing', async () => {
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    const email = standInEmail();
    email.obstacle = () => released;
    await using reporting = await startTestReporting({ email });
    const sessionId = reporting.visits.open({ contact: { email: 'ivan@example.com' } });
    const { id } = await create(reporting, { sessionId });
    const work = reporting.service.deliverDue();
    while ((await read(reporting, id)).deliveries[0]!.status !== 'DELIVERY_STATUS_SENDING') await new Promise(setImmediate);
    await reporting.client.eraseSessionReports({ sessionId });
    release();
    await work;
    expect((await read(reporting, id)).deliveries).toMatchObject([{ status: 'DELIVERY_STATUS_DEAD', lastError: 'erased', toMasked: '***' }]);
  });
});

test('X4 who comes back with older data is neither served nor sent to, though no other service answers yet', async () => {
  using folder = temporaryFolder();
  const email = standInEmail();
  email.obstacle = () => Promise.reject(new Error('away'));
  const clock = startClock();
  const visits = standInVisits(clock);
  const [erased, other] = await (async () => {
    await using reporting = await startTestReporting({ folder: folder.path, email, clock, visits });
    const contact = { email: 'ivan@example.com' };
    return [await create(reporting, { sessionId: visits.open({ contact }) }), await create(reporting, { sessionId: visits.open({ contact: { email: 'other@example.com' } }) })];
  })();
  writeFileSync(join(folder.path, erasedSessionsName), `${erased.sessionId}\n`);
  email.obstacle = () => undefined;
  clock.advance(hourMs);
  visits.fail(new Fault({ kind: 'unavailable', reason: 'sessions_unavailable', message: 'away' }));
  await using reporting = await startTestReporting({ folder: folder.path, email, clock, visits });
  await reporting.service.deliverDue();
  expect(email.sent.map(({ to }) => to)).toEqual(['other@example.com']);
  expect(await failure(reporting.client.getReportPdf({ reportId: erased.id }))).toEqual({ kind: 'not_found', reason: 'report_file_missing' });
  expect(existsSync(fileOf(reporting, erased.id))).toBe(false);
  expect((await read(reporting, erased.id)).deliveries).toMatchObject([{ status: 'DELIVERY_STATUS_DEAD', lastError: 'erased', toMasked: '***' }]);
  expect((await reporting.client.getReportPdf({ reportId: other.id })).sha256).toBe(other.sha256);
});

describe('retention', () => {
  test('contacts go after 30 days, files and data after 90', async () => {
    await using reporting = await startTestReporting();
    const { id } = await create(reporting, { sessionId: reporting.visits.open() });
    await reporting.service.deliverDue();
    reporting.clock.advance(30 * dayMs);
    await reporting.service.forget();
    expect((await read(reporting, id)).deliveries[0]!.toMasked).toBe('i***@example.com');
    reporting.clock.advance(1);
    await reporting.service.forget();
    expect((await read(reporting, id)).deliveries.map(({ toMasked }) => toMasked)).toEqual(['***', '***']);
    expect(existsSync(fileOf(reporting, id))).toBe(true);
    reporting.clock.advance(60 * dayMs);
    await reporting.service.forget();
    expect(existsSync(fileOf(reporting, id))).toBe(false);
    expect(await reporting.metric('reports_erased_total', { cause: 'retention' })).toBe(1);
  });
});

describe('the sweep', () => {
  test('D8 draws the missing file of a ready report again, the same to the byte, and counts it', async () => {
    await using reporting = await startTestReporting();
    const { id, sha256 } = await create(reporting, { sessionId: reporting.visits.open() });
    rmSync(fileOf(reporting, id));
    reporting.clock.advance(2 * hourMs);
    await reporting.service.sweep();
    expect((await reporting.client.getReportPdf({ reportId: id })).sha256).toBe(sha256);
    expect(await reporting.metric('reports_sweep_total', { found: 'row_without_file' })).toBe(1);
  });

  test('D8 one file that cannot be drawn keeps no other from it', async () => {
    const lost: string[] = [];
    const pdf: Pdf = { render: async (document, options) => {
      if (document.reportId === lost[0]) throw new TypeError('a mistake in the template');
      return standInPdf.render(document, options);
    } };
    await using reporting = await startTestReporting({ pdf });
    for (let report = 0; report < 2; report += 1) {
      const { id } = await create(reporting, { sessionId: reporting.visits.open() });
      rmSync(fileOf(reporting, id));
      reporting.clock.advance(1);
      lost.push(id);
    }
    reporting.clock.advance(2 * hourMs);
    await reporting.service.sweep();
    expect(lost.map((id) => existsSync(fileOf(reporting, id)))).toEqual([false, true]);
    expect(reporting.logged).toContainEqual(expect.objectContaining({ level: 'error', reportId: lost[0] }));
  });

  test('D8 puts no other bytes in its place: that is the operator\'s', async () => {
    await using reporting = await startTestReporting();
    const { id } = await create(reporting, { sessionId: reporting.visits.open() });
    rmSync(fileOf(reporting, id));
    const { folder, clock, visits } = reporting;
    const pdf = { render: async () => ({ bytes: Buffer.from('%PDF of a newer template'), pages: 1, sha256: 'b'.repeat(64) }) };
    await using newer = await startTestReporting({ folder, clock, visits, pdf });
    clock.advance(2 * hourMs);
    await newer.service.sweep();
    expect(existsSync(fileOf(newer, id))).toBe(false);
    expect(await newer.metric('reports_sweep_total', { found: 'row_without_file_for_good' })).toBeGreaterThan(0);
  });

  test('removes files that no row has a right to, once they are an hour old, and no others', async () => {
    await using reporting = await startTestReporting();
    const { id } = await create(reporting, { sessionId: reporting.visits.open() });
    const month = join(reporting.folder, 'reports/2026/11');
    mkdirSync(month, { recursive: true });
    const old = new Date(reporting.clock.now() - 2 * hourMs);
    const young = new Date(reporting.clock.now() - hourMs / 2);
    for (const [name, at] of [['rep_strange1.pdf', old], ['rep_strange2.pdf', young], [`${id}.pdf.part`, old]] as const) {
      writeFileSync(join(month, name), 'x');
      utimesSync(join(month, name), at, at);
    }
    utimesSync(fileOf(reporting, id), old, old);
    await reporting.service.sweep();
    expect(readdirSync(month).sort((a, b) => a.localeCompare(b))).toEqual(['rep_strange2.pdf', `${id}.pdf`].sort((a, b) => a.localeCompare(b)));
    expect(await reporting.metric('reports_sweep_total', { found: 'file_without_row' })).toBe(2);
  });
});

test('D10 a report is checked by its number: when it was made and its hash, erased or not, and nothing of the customer or the car', async () => {
  await using reporting = await startTestReporting({ settings: { REPORT_BRAND_NAME: 'Автокиоск' } });
  const sessionId = reporting.visits.open({ kioskId: 'k-1' });
  const { id: reportId, sha256, pages, createdAt } = await create(reporting, { sessionId });
  const facts = { reportId, type: 'REPORT_TYPE_DIAGNOSTICS', sha256, pages, createdAt, issuer: 'Автокиоск' };
  expect(await reporting.client.checkReport({ reportId }, { caller: { role: 'kiosk', name: 'k-2' } })).toEqual({ ...facts, erased: false });
  await reporting.client.eraseSessionReports({ sessionId });
  expect(await reporting.client.checkReport({ reportId })).toEqual({ ...facts, erased: true });
  expect(await failure(reporting.client.checkReport({ reportId: 'rep_unknown' }))).toEqual({ kind: 'not_found', reason: 'report_not_found' });
});
