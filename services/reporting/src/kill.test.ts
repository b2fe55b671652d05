/** The process is killed before or after each thing that it does outside its memory, and started again on what is on disk. */
import { DeliveryStatus, ReportStatus } from '@kiosk/contracts/reporting/v1/reporting';
import { expect, test } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Around } from './steps.ts';
import { create, request, standInEmail, standInSms, standInVisits, startClock, startTestReporting, temporaryFolder } from './testing.ts';

/** Dead from the given step on: nothing that comes later happens. */
function killer(atStep: number, moment: 'before' | 'after') {
  let armed = false;
  let dead = false;
  let step = 0;
  const done: string[] = [];
  const around: Around = async (name, run) => {
    if (!armed) return run();
    if (dead) throw new Error('killed');
    step += 1;
    const here = step === atStep;
    if (here && moment === 'before') dead = true;
    if (dead) throw new Error('killed');
    done.push(name);
    if (here) dead = true;
    const value = await run();
    if (here) throw new Error('killed');
    return value;
  };
  return { around, done, arm: () => void (armed = true), isDead: () => dead };
}

test('P1 P13 D1 D4 D7 D8 killed before or after any step, one request makes one report, one file, and each delivery once or counted', async () => {
  const steps = new Set<string>();
  for (const moment of ['before', 'after'] as const) {
    for (let atStep = 1; ; atStep += 1) {
      using folder = temporaryFolder();
      const clock = startClock();
      const visits = standInVisits(clock);
      const email = standInEmail();
      const sms = standInSms();
      const kill = killer(atStep, moment);
      const body = request({ sessionId: visits.open(), idempotencyKey: 'k' });
      {
        await using reporting = await startTestReporting({ folder: folder.path, clock, visits, email, sms, around: kill.around });
        kill.arm();
        await create(reporting, body).then(() => reporting.service.deliverDue()).catch(() => {});
        await reporting.service.recordServices().catch(() => {});
      }
      for (const name of kill.done) steps.add(name);
      await using reporting = await startTestReporting({ folder: folder.path, clock, visits, email, sms });
      await reporting.service.resumeRendering();
      const report = await create(reporting, body);
      clock.advance(600_000);
      await reporting.service.deliverDue();
      await reporting.service.recordServices();

      expect(report.status).toBe(ReportStatus.REPORT_STATUS_READY);
      expect(reporting.sql('SELECT count(*) AS reports FROM reports')).toEqual([{ reports: 1 }]);
      expect((await reporting.client.getReportPdf({ reportId: report.id })).sha256).toBe(report.sha256);
      expect(readdirSync(join(folder.path, 'reports/2026/11'))).toEqual([`${report.id}.pdf`]);
      const { report: settled } = await reporting.client.getReport({ reportId: report.id });
      expect(settled!.deliveries.map(({ status }) => status)).toEqual(Array(2).fill(DeliveryStatus.DELIVERY_STATUS_SENT));
      for (const [channel, sent] of [['email', email.sent], ['sms', sms.sent]] as const) {
        const [row] = reporting.sql('SELECT ambiguous_attempts AS repeats FROM deliveries WHERE channel = ?', channel);
        expect(sent.length).toBeGreaterThanOrEqual(1);
        expect(sent.length - 1).toBeLessThanOrEqual(Number(row!['repeats']));
        for (const message of sent) expect(message).toEqual(sent[0]);
      }
      expect(visits.recorded.get(body.sessionId)).toBe(report.id);
      if (!kill.isDead()) break;
      expect(atStep).toBeLessThan(40);
    }
  }
  expect([...steps].sort((a, b) => a.localeCompare(b))).toEqual(['commit', 'render', 'send', 'write']);
}, 120_000);
