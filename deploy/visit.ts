/** For tests: what a customer does, through the typed client. */
import { createClient, type Client } from '@kiosk/client';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.ts';

export type Visit = { sessionId: string; intentId: string; reportId: string };

/** A diagnostics visit from the contact to the report in the mailbox. */
export async function visit({ url, key }: { url: string; key?: string }): Promise<Visit> {
  const kiosk: Client = createClient({ url, key });
  const session = await kiosk.createSession({ body: { type: 'diagnostics', contact: { email: 'ivan@example.com', phone: '+79123456789' } } });
  const { intentId } = await kiosk.createIntent({ body: { amount: 48_000, currency: 'RUB', sessionId: session.id } });
  await until(() => kiosk.getIntentStatus({ id: intentId }), ({ status }) => status === 'confirmed');
  const { data } = JSON.parse(readFileSync(join(import.meta.dirname, '../docs/samples/diagnostics-granta.json'), 'utf8').replace('<session id>', session.id)) as { data: Parameters<Client['createDiagnosticsReport']>[0]['body']['data'] };
  const { reportId } = await kiosk.createDiagnosticsReport({ body: { data: { ...data, sessionId: session.id } } });
  await until(() => kiosk.getReport({ id: reportId }), ({ deliveries }) => deliveries.every(({ status }) => status === 'sent' || status === 'delivered'));
  await kiosk.completeSession({ id: session.id });
  return { sessionId: session.id, intentId, reportId };
}
