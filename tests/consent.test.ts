/** Where the operator has to show that each customer agreed: CONSENT_REQUIRED. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { expectProblem, kioskAt, type Kiosk, type Report, type Session } from './kiosk.ts';
import { emailsIn } from './outbox.ts';

const consent = { textVersion: 'offer-2026-11', at: '2026-11-20T08:59:40.000Z' };
const later = { textVersion: 'offer-2026-12', at: '2026-11-20T09:10:00.000Z' };
const contact = { email: 'owner@example.com', phone: '+79001234567' };

let stack: Stack;
let kiosk: Kiosk;
beforeAll(async () => {
  stack = await startStack({ settings: { CONSENT_REQUIRED: 'true' } });
  kiosk = kioskAt(stack.url);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

async function audited(entityId: string, type: string): Promise<object[]> {
  const { entries } = await kiosk.must(200, kiosk.get<{ entries: { details: object }[] }>(`/api/audit?entityId=${entityId}&type=${type}`));
  return entries.map(({ details }) => details);
}

test('a contact without consent opens no session, and consent that says nothing is none', async () => {
  const open = (given: object) => kiosk.post('/api/sessions', { type: 'thickness', contact: given });
  for (const given of [contact, { email: contact.email }, { phone: contact.phone }]) {
    expect(expectProblem(await open(given), { status: 400, reason: 'consent_required' }).errors).toMatchObject([{ path: 'contact.consent' }]);
  }
  expectProblem(await open({ ...contact, consent: { ...consent, at: new Date(Date.now() + 3_600_000).toISOString() } }), { status: 400, reason: 'invalid_consent' });
  for (const bad of [{}, { textVersion: consent.textVersion }, { ...consent, textVersion: '' }, { ...consent, text: 'I agree' }, true]) {
    expectProblem(await open({ ...contact, consent: bad }), { status: 400, reason: 'invalid_request' });
  }
  expect(await kiosk.must(200, kiosk.get('/api/sessions'))).toEqual({ sessions: [], count: 0 });
});

test('consent is kept with the contact, by its text and time, is in every answer, and in the audit for good', async () => {
  const session = await kiosk.openSession({ type: 'thickness', contact: { ...contact, consent } });
  expect(session.contact).toEqual({ ...contact, consent });
  expect((await kiosk.session(session.id)).contact).toEqual({ ...contact, consent });
  expect((await kiosk.must(200, kiosk.get<{ sessions: Session[] }>('/api/sessions'))).sessions[0]!.contact).toMatchObject({ consent });
  expect(await audited(session.id, 'session.consent')).toEqual([{ textVersion: consent.textVersion, at: Date.parse(consent.at) }]);
});

test('a contact that comes later needs consent too, and consent alone is not taken back from under it', async () => {
  const { id } = await kiosk.openSession({ type: 'thickness' });
  const change = (given: object | null) => kiosk.patch<Session>(`/api/sessions/${id}`, { contact: given });
  expectProblem(await change({ phone: contact.phone }), { status: 400, reason: 'consent_required' });
  expect((await kiosk.session(id)).contact).toEqual({});
  expect((await kiosk.must(200, change({ phone: contact.phone, consent }))).contact).toEqual({ phone: contact.phone, consent });
  expectProblem(await change({ consent: null }), { status: 400, reason: 'consent_required' });
  expect((await kiosk.must(200, change({ consent: later }))).contact).toEqual({ phone: contact.phone, consent: later });
  expect((await kiosk.must(200, change(null))).contact).toEqual({});
  expect((await audited(id, 'session.consent')).length).toBe(2);
});

test('P2 another consent under the same key is another body', async () => {
  const open = (given: object) => kiosk.post<Session>('/api/sessions', { type: 'thickness', contact: { ...contact, consent: given } }, { 'idempotency-key': 'visit-1' });
  const { id } = await kiosk.must(201, open(consent));
  expect((await kiosk.must(201, open(consent))).id).toBe(id);
  expectProblem(await open(later), { status: 422, reason: 'idempotency_key_reused' });
});

test('a report goes to the contact that has consent, and elsewhere only with consent of its own', async () => {
  const session = await kiosk.openSession({ type: 'thickness', contact: { ...contact, consent } });
  const request = (deliverTo: object | null) => kiosk.requestReport(session, 'thickness-solaris', deliverTo);
  for (const elsewhere of [{ email: 'another@example.com' }, { email: contact.email, phone: '+79001234568' }]) {
    expect(expectProblem(await request(elsewhere), { status: 400, reason: 'consent_required' }).errors).toMatchObject([{ path: 'deliverTo.consent' }]);
  }
  expectProblem(await request({ email: 'another@example.com', consent: { ...consent, at: '2999-01-01T00:00:00Z' } }), { status: 400, reason: 'invalid_consent' });
  expect(await kiosk.must(200, kiosk.get(`/api/reports/session/${session.id}`))).toMatchObject({ count: 0 });

  expect((await kiosk.must(201, request(null))).deliveries).toHaveLength(2);
  expect((await kiosk.must(201, request({ email: ' Owner@Example.com', phone: '8 (900) 123-45-67' }))).deliveries).toHaveLength(2);
  const report = await kiosk.must(201, request({ email: 'another@example.com', consent: later }));
  await kiosk.untilSent(report.reportId);
  expect((await emailsIn(stack.storagePath)).filter(({ to }) => JSON.stringify(to).includes('another@example.com'))).toHaveLength(1);
  expect(await audited(report.reportId, 'report.consent')).toEqual([
    { textVersion: later.textVersion, at: Date.parse(later.at), deliveries: [{ id: report.deliveries[0]!.deliveryId, channel: 'email' }] },
  ]);
});

test('an operator sends a report again where it went, and elsewhere only with consent', async () => {
  const session = await kiosk.openSession({ type: 'thickness', contact: { email: contact.email, consent } });
  const { reportId } = await kiosk.must(201, kiosk.requestReport(session, 'thickness-solaris', { email: 'another@example.com', consent }));
  const deliver = (to: object) => kiosk.post<Report>(`/api/reports/${reportId}/deliver`, to);
  // Where it went, and to the contact, which has consent of its own.
  for (const email of ['another@example.com', contact.email]) await kiosk.must(202, deliver({ email }));
  expect(expectProblem(await deliver({ phone: contact.phone }), { status: 400, reason: 'consent_required' }).errors).toMatchObject([{ path: 'consent' }]);
  const { deliveries } = await kiosk.must(202, deliver({ phone: contact.phone, consent: later }));
  expect(deliveries.map(({ channel }) => channel)).toEqual(['email', 'email', 'email', 'sms']);
  expect((await audited(reportId, 'report.consent'))[0]).toMatchObject({ textVersion: later.textVersion, deliveries: [{ id: deliveries[3]!.deliveryId }] });
});
