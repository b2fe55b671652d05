/** A whole kiosk's history: three databases that know of one another, the files of the reports, and the ids by which to ask for some of it. */
import { newId } from '@kiosk/database';
import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dayMs, fillDatabase, hourMs, isKept, isOneOf, someHash, visitsOf, type History } from './fill.ts';
import { kept } from './kept.ts';

/** What there is to ask for, from all over the history. */
export type Samples = { sessions: string[]; intents: string[]; reports: string[]; from: number; to: number };

const sampleSize = 4000;
const document = readFileSync(new URL('../../../docs/samples/thickness-solaris.json', import.meta.url), 'utf8');

type Ids = { sessions: string[]; intents: string[]; reports: string[] };

export async function makeHistory(history: History): Promise<Samples> {
  mkdirSync(history.folder, { recursive: true });
  const ids: Ids = { sessions: [], intents: [], reports: [] };
  for (const { at } of visitsOf(history)) {
    ids.sessions.push(newId('ses', at));
    ids.intents.push(newId('pay', at + 60_000));
    ids.reports.push(newId('rep', at + 600_000));
  }
  await fillSessions(history, ids);
  await fillPayments(history, ids);
  await fillReporting(history, ids);
  const every = Math.max(1, Math.floor(history.visits / sampleSize));
  const some = (all: string[]): string[] => all.filter((_, index) => index % every === 0);
  return { sessions: some(ids.sessions), intents: some(ids.intents), reports: some(ids.reports), from: history.now - spanOf(history), to: history.now };
}

function spanOf(history: History): number {
  return visitsOf(history).next().value?.ageMs ?? 0;
}

async function fillSessions(history: History, ids: Ids): Promise<void> {
  await fillDatabase(history, 'sessions', ({ into, audit }) => {
    const session = into('sessions', [
      'id', 'type', 'status', 'email', 'phone', 'metadata', 'kiosk_id', 'failure_reason', 'created_at', 'updated_at', 'completed_at', 'expires_at', 'consent_text_version', 'consent_at',
    ]);
    const key = into('idempotency_keys', ['caller', 'key', 'body_sha256', 'session_id', 'created_at']);
    for (const visit of visitsOf(history)) {
      const { index, at, kiosk, type } = visit;
      const id = ids.sessions[index]!;
      const status = visit.isOpen ? 'active' : isOneOf(visit, 78) ? 'completed' : isOneOf(visit, 96) ? 'expired' : 'failed';
      const endedAt = status === 'expired' ? at + hourMs : at + 720_000;
      const hasContact = isKept(history, visit, kept.contactMs);
      session({
        id, type, status, kiosk_id: kiosk, metadata: '{"language":"ru","vehicle":{"make":"LADA","model":"Granta","bodyType":"sedan"}}',
        email: hasContact && isOneOf(visit, 80, 1) ? `visitor-${index}@example.com` : null, phone: hasContact && isOneOf(visit, 60, 2) ? `+7912${String(1_000_000 + index % 9_000_000)}` : null,
        failure_reason: status === 'failed' ? 'sensor_unplugged' : null, created_at: at, updated_at: status === 'active' ? at : endedAt,
        completed_at: status === 'completed' ? endedAt : null, expires_at: at + (visit.isOpen ? dayMs : hourMs),
        consent_text_version: hasContact ? '2026-01' : null, consent_at: hasContact ? at : null,
      });
      if (isKept(history, visit, kept.keyMs)) key({ caller: `kiosk:${kiosk}`, key: `key-${index}`, body_sha256: someHash(index), session_id: id, created_at: at });
      if (!isKept(history, visit, kept.auditMs)) continue;
      audit({ at, event: 'session.created', entityId: id, details: { type, kioskId: kiosk, expiresAt: at + hourMs }, caller: `kiosk:${kiosk}` });
      if (status !== 'active') audit({ at: endedAt, event: `session.${status}`, entityId: id, details: { from: 'active' }, caller: status === 'expired' ? 'service:sessions' : `kiosk:${kiosk}` });
    }
  });
}

async function fillPayments(history: History, ids: Ids): Promise<void> {
  await fillDatabase(history, 'payments', ({ into, audit }) => {
    const intent = into('intents', [
      'id', 'session_id', 'kiosk_id', 'amount_minor', 'currency', 'description', 'metadata', 'status', 'failure_reason', 'provider', 'submission', 'psp_request', 'psp_payment_id', 'psp_status',
      'qr_code_data', 'attempts', 'first_attempt_at', 'next_action_at', 'psp_created_at', 'created_at', 'updated_at', 'confirmed_at', 'expires_at', 'erased_at',
    ]);
    const observation = into('psp_observations', ['at', 'intent_id', 'psp_payment_id', 'psp_status', 'source', 'verdict', 'details']);
    const refund = into('refunds', [
      'id', 'intent_id', 'amount_minor', 'currency', 'origin', 'reason', 'status', 'submission', 'psp_request', 'psp_refund_id', 'attempts', 'first_attempt_at', 'psp_created_at', 'created_at', 'updated_at',
    ]);
    const notification = into('notifications', ['received_at', 'source_ip', 'event', 'object_id', 'body_sha256']);
    const key = into('idempotency_keys', ['caller', 'operation', 'key', 'body_sha256', 'entity_id', 'made', 'created_at']);
    const served = into('services_rendered', ['session_id', 'report_id', 'at']);
    const pspPayment = into('dev_psp_payments', ['id', 'idempotence_key', 'request', 'status', 'succeeds_at', 'created_at']);
    const pspRefund = into('dev_psp_refunds', ['id', 'idempotence_key', 'request', 'created_at']);
    const anomaly = into('anomalies', ['kind', 'object_id', 'intent_id', 'details', 'first_at', 'last_at', 'seen']);
    const reconciliation = into('reconciliations', ['day', 'run_at', 'psp_payments', 'our_payments', 'psp_refunds', 'our_refunds', 'repaired', 'differences']);
    for (const visit of visitsOf(history)) {
      const { index, kiosk, type } = visit;
      const at = visit.at + 60_000;
      const id = ids.intents[index]!;
      const amount = type === 'thickness' ? 35_000 : 48_000;
      const status = visit.isOpen ? 'pending' : isOneOf(visit, 82, 3) ? 'confirmed' : isOneOf(visit, 90, 3) ? 'failed' : 'expired';
      const paymentId = newId('dev', at);
      const isRemembered = isKept(history, visit, kept.customerMs);
      const request = JSON.stringify({ amountMinor: amount, currency: 'RUB', intentId: id });
      const endedAt = status === 'expired' ? at + 600_000 : at + 40_000;
      intent({
        id, session_id: ids.sessions[index]!, kiosk_id: kiosk, amount_minor: amount, currency: 'RUB', description: isRemembered ? 'Компьютерная диагностика' : null,
        metadata: isRemembered ? '{"screen":"pay"}' : '{}', status, failure_reason: status === 'failed' ? 'canceled_by_customer' : null, provider: 'dev', submission: 'attached',
        psp_request: isRemembered ? request : '{}', psp_payment_id: paymentId, psp_status: status === 'confirmed' ? 'succeeded' : status === 'pending' ? 'pending' : 'canceled',
        qr_code_data: `https://qr.dev.invalid/${paymentId}?type=02&sum=${amount}&cur=RUB`, attempts: 1, first_attempt_at: at, next_action_at: status === 'pending' ? history.now + dayMs : null,
        psp_created_at: at, created_at: at, updated_at: status === 'pending' ? at : endedAt, confirmed_at: status === 'confirmed' ? endedAt : null,
        expires_at: at + (visit.isOpen ? dayMs : 600_000), erased_at: isRemembered ? null : at + kept.customerMs,
      });
      observation({ at, intent_id: id, psp_payment_id: paymentId, psp_status: 'pending', source: 'submit', verdict: 'open', details: '{"differing":[]}' });
      if (isKept(history, visit, kept.keyMs)) {
        key({ caller: `kiosk:${kiosk}`, operation: 'create_intent', key: `key-${index}`, body_sha256: someHash(index), entity_id: id, made: 1, created_at: at });
        pspPayment({ id: paymentId, idempotence_key: id, request, status: status === 'confirmed' ? 'succeeded' : status === 'pending' ? 'pending' : 'canceled', succeeds_at: null, created_at: at });
      }
      if (status === 'confirmed') {
        observation({ at: endedAt, intent_id: id, psp_payment_id: paymentId, psp_status: 'succeeded', source: 'poll', verdict: 'paid', details: '{"differing":[]}' });
        served({ session_id: ids.sessions[index]!, report_id: ids.reports[index]!, at: at + 540_000 });
        if (isOneOf(visit, 1, 4)) {
          const refundId = newId('ref', at + hourMs);
          const pspRefundId = newId('dev', at + hourMs);
          refund({
            id: refundId, intent_id: id, amount_minor: amount, currency: 'RUB', origin: 'operator', reason: 'the gauge was not calibrated', status: 'succeeded', submission: 'attached', psp_request: '{}',
            psp_refund_id: pspRefundId, attempts: 1, first_attempt_at: at + hourMs, psp_created_at: at + hourMs, created_at: at + hourMs, updated_at: at + hourMs,
          });
          if (isKept(history, visit, kept.keyMs)) {
            pspRefund({ id: pspRefundId, idempotence_key: refundId, request: JSON.stringify({ pspPaymentId: paymentId, amountMinor: amount, currency: 'RUB' }), created_at: at + hourMs });
          }
        }
      }
      if (index % 100 === 99) {
        anomaly({ kind: 'mismatch_amount', object_id: paymentId, intent_id: id, details: '{"field":"amount","is":1,"expected":2}', first_at: at, last_at: at, seen: 1 });
      }
      if (index % 1370 === 0) {
        const day = new Date(at).toISOString().slice(0, 10);
        reconciliation({ day, run_at: at + dayMs, psp_payments: 1123, our_payments: 1123, psp_refunds: 13, our_refunds: 13, repaired: 0, differences: '[]' });
      }
      if (!isKept(history, visit, kept.auditMs)) continue;
      notification({ received_at: endedAt, source_ip: '185.71.76.1', event: 'payment.succeeded', object_id: paymentId, body_sha256: someHash(index) });
      audit({ at, event: 'intent.created', entityId: id, details: { sessionId: ids.sessions[index], amountMinor: amount, currency: 'RUB', provider: 'dev' }, caller: `kiosk:${kiosk}` });
      if (status !== 'pending') {
        audit({ at: endedAt, event: `intent.${status}`, entityId: id, details: { from: 'pending', sessionId: ids.sessions[index], pspPaymentId: paymentId, amountMinor: amount }, caller: 'service:payments' });
      }
    }
  });
}

async function fillReporting(history: History, ids: Ids): Promise<void> {
  const pdf = join(history.folder, 'report.pdf');
  await fillDatabase(history, 'reporting', ({ into, audit }) => {
    const report = into('reports', [
      'id', 'session_id', 'type', 'status', 'kiosk_id', 'paid_intent_id', 'template_version', 'sha256', 'pages', 'failure_reason', 'created_at', 'ready_at', 'recorded_at', 'summary', 'document', 'erased_at',
    ]);
    const delivery = into('deliveries', [
      'id', 'report_id', 'channel', 'recipient', 'cause', 'message_id', 'status', 'attempts', 'last_error', 'provider', 'provider_id', 'created_at', 'first_attempt_at', 'sent_at', 'delivered_at',
      'dead_at', 'rerouted_at', 'erased_at',
    ]);
    const link = into('report_links', ['token_sha256', 'report_id', 'delivery_id', 'created_at', 'expires_at']);
    const key = into('idempotency_keys', ['caller', 'key', 'body_sha256', 'report_id', 'created_at']);
    for (const visit of visitsOf(history)) {
      const { index, kiosk, type } = visit;
      const at = visit.at + 600_000;
      const id = ids.reports[index]!;
      const isFailed = index % 1000 === 999;
      const hasData = isKept(history, visit, kept.reportMs);
      report({
        id, session_id: ids.sessions[index]!, type, status: isFailed ? 'failed' : 'ready', kiosk_id: kiosk, paid_intent_id: ids.intents[index]!, template_version: 2,
        sha256: isFailed ? null : someHash(index), pages: isFailed ? null : 2, failure_reason: isFailed ? 'render_failed' : null, created_at: at, ready_at: isFailed ? null : at + 400,
        recorded_at: isFailed ? null : at + 2000, summary: hasData ? 'Найдено 2 неисправности.' : '', document: hasData ? document : '{}', erased_at: hasData ? null : at + kept.reportMs,
      });
      if (hasData && !isFailed) writeFile({ pdf, folder: history.folder, id, at, index });
      const deliveryId = newId('dlv', at);
      const channel = index % 3 === 2 ? 'sms' : 'email';
      const isDead = isFailed || isOneOf(visit, 1, 5);
      const isDelivered = channel === 'sms' && !isDead;
      const isRemembered = isKept(history, visit, kept.recipientMs);
      delivery({
        id: deliveryId, report_id: id, channel, recipient: !isRemembered ? '' : channel === 'sms' ? `+7912${String(1_000_000 + index % 9_000_000)}` : `visitor-${index}@example.com`, cause: 'report',
        message_id: `<${deliveryId}@kiosk.example>`, status: isDead ? 'dead' : isDelivered ? 'delivered' : 'sent', attempts: 1, last_error: isDead ? 'recipient_refused' : null, provider: 'dev',
        provider_id: `${channel}-${index}`, created_at: at, first_attempt_at: at + 500, sent_at: isDead ? null : at + 1500, delivered_at: isDelivered ? at + 4000 : null,
        dead_at: isDead ? at + 1500 : null, rerouted_at: isDead ? at + 2000 : null, erased_at: isRemembered ? null : at + kept.recipientMs,
      });
      if (isKept(history, visit, kept.linkMs)) link({ token_sha256: someHash(index), report_id: id, delivery_id: deliveryId, created_at: at, expires_at: at + 30 * dayMs });
      if (isKept(history, visit, kept.keyMs)) key({ caller: `kiosk:${kiosk}`, key: `key-${index}`, body_sha256: someHash(index), report_id: id, created_at: at });
      if (!isKept(history, visit, kept.auditMs)) continue;
      audit({ at, event: 'report.created', entityId: id, details: { sessionId: ids.sessions[index], type, deliveries: [{ deliveryId, channel }] }, caller: `kiosk:${kiosk}` });
      audit({ at: at + 400, event: isFailed ? 'report.failed' : 'report.ready', entityId: id, details: { pages: 2 }, caller: `kiosk:${kiosk}` });
      audit({ at: at + 1500, event: isDead ? 'delivery.dead' : 'delivery.sent', entityId: deliveryId, details: { reportId: id, channel, attempt: 1 }, caller: 'service:reporting' });
    }
  });
}

/** A file can have so many names on ext4, and a few less are enough. */
const namesOfAFile = 30_000;

/** The sweep looks whether a report has its file, not into it: many names for one file take no room. */
function writeFile({ pdf, folder, id, at, index }: { pdf: string; folder: string; id: string; at: number; index: number }): void {
  const [year = '', month = ''] = new Date(at).toISOString().split('-');
  const place = join(folder, 'reports', year, month);
  const source = `${pdf}.${Math.floor(index / namesOfAFile)}`;
  try {
    linkSync(source, join(place, `${id}.pdf`));
  } catch {
    mkdirSync(place, { recursive: true });
    writeFileSync(source, '%PDF-1.7');
    linkSync(source, join(place, `${id}.pdf`));
  }
}
