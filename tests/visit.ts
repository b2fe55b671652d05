/** A customer's visit from the first screen to the report in the mailbox, wherever the services run. */
import { expect } from '@jest/globals';
import { createHash } from 'node:crypto';
import { kioskAt, prices, type Report } from './kiosk.ts';
import { emailsIn } from './outbox.ts';

/** Pretend payments pay themselves: the stack's DEV_AUTO_CONFIRM_DELAY_MS should be short. */
export async function wholeVisit({ url, storagePath }: { url: string; storagePath: string }): Promise<Report> {
  const kiosk = kioskAt(url);
  const before = await emailsIn(storagePath);
  const session = await kiosk.openSession({ type: 'diagnostics' });
  const intent = await kiosk.openIntent(session, prices.diagnostics);
  expect(await kiosk.untilFinal(intent.intentId)).toMatchObject({ status: 'confirmed' });
  await kiosk.must(200, kiosk.post(`/api/sessions/${session.id}/complete`, {}));
  const report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-granta', { email: 'ivan@example.com' }));
  const { bytes } = await kiosk.pdf(report);
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(report.sha256);
  const sent = await kiosk.untilSent(report.reportId);
  expect(await emailsIn(storagePath)).toHaveLength(before.length + 1);
  return sent;
}
