/** Recipients, names and subjects that try to be more than they are, through the front door (D9). */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startStack, type Stack } from '@kiosk/stack';
import { expectProblem, kioskAt, sampleOf, type Kiosk, type Report, type Session } from './kiosk.ts';
import { emailsIn, textMessagesIn } from './outbox.ts';

let stack: Stack;
let kiosk: Kiosk;
let session: Session;
let report: Report;
beforeAll(async () => {
  stack = await startStack();
  kiosk = kioskAt(stack.url);
  session = await kiosk.openSession({ type: 'diagnostics' });
  report = await kiosk.must(201, kiosk.requestReport(session, 'diagnostics-camry-clean', { email: 'owner@example.com' }));
  await kiosk.untilSent(report.reportId);
});
afterAll(async () => {
  await stack[Symbol.asyncDispose]();
});

const emails: [what: string, email: string][] = [
  ['a header in a line break', 'a@example.com\r\nBcc: b@example.com'], ['a line break at its end', 'a@example.com\n'], ['a carriage return', 'a\r@example.com'], ['a NUL', 'a\0@example.com'],
  ['two mailboxes', 'a@example.com,b@example.com'], ['two with a semicolon', 'a@example.com;b@example.com'], ['two with a blank', 'a@example.com b@example.com'],
  ['a group', 'friends: a@example.com, b@example.com;'], ['an empty group', 'undisclosed-recipients:;'], ['a name and angle brackets', 'Ivan <a@example.com>'], ['a route', '<@x.example:a@example.com>'],
  ['a comment', 'a(comment)@example.com'], ['a quoted local part', '"a b"@example.com'], ['an address literal', 'a@[127.0.0.1]'], ['an international domain', 'ivan@пример.рф'],
  ['an international local part', 'иван@example.com'], ['a bidi override', 'a\u202Emoc.elpmaxe@example.com'], ['a full-width at', 'a＠example.com'], ['a zero-width space', 'a\u200B@example.com'],
  ['a file', '/etc/passwd'], ['10 000 characters', `${'a'.repeat(10_000)}@example.com`], ['a long local part', `${'a'.repeat(65)}@example.com`], ['a long domain', `a@${'b.'.repeat(124)}example`],
];
const phones: [what: string, phone: string][] = [
  ['a line break', '+79123456789\n+79123456780'], ['a NUL', '+7912345\0 6789'], ['two numbers', '+79123456789,+79123456780'], ['an extension', '+79123456789;ext=5'], ['words', 'call +79123456789 now'],
  ['a premium short code', '5555'], ['a bidi override', '\u202E+79123456789'], ['10 000 characters', '9'.repeat(10_000)], ['an unknown country', '+99912345678'],
];

test.each([...emails.map(([what, email]) => [`an e-mail address with ${what}`, { email }] as const), ...phones.map(([what, phone]) => [`a phone with ${what}`, { phone }] as const)])(
  'D9 %s is refused wherever it is said, and nothing changes', async (_what, contact) => {
    const { data } = sampleOf('diagnostics-camry-clean', session.id);
    const answers = await Promise.all([
      kiosk.post('/api/sessions', { type: 'diagnostics', contact }),
      kiosk.send('PATCH', `/api/sessions/${session.id}`, { body: { contact } }),
      kiosk.post('/api/reports/diagnostics', { data, deliverTo: contact }),
      kiosk.post(`/api/reports/${report.reportId}/deliver`, contact),
    ]);
    for (const answer of answers) expectProblem(answer, { status: 400 });
    expect((await kiosk.session(session.id)).contact).toEqual({});
    expect((await kiosk.report(report.reportId)).deliveries).toHaveLength(1);
  },
);

test.each([
  ['a header in a line break', 'LADA\r\nBcc: b@example.com'], ['a NUL', 'LADA\0'], ['a bidi override', 'LADA \u202Eatnarg'], ['10 000 characters', 'L'.repeat(10_000)],
])('D9 a car\'s name with %s is refused: it stands in the subject', async (_what, vehicleMake) => {
  const { data } = sampleOf('diagnostics-camry-clean', session.id);
  expectProblem(await kiosk.post('/api/reports/diagnostics', { data: { ...data, vehicleMake }, deliverTo: { email: 'owner@example.com' } }), { status: 400 });
});

test('D9 what is odd and harmless is sent to exactly one mailbox: a domain in punycode, a plus, an apostrophe, and a name that looks like markup', async () => {
  const { data } = sampleOf('diagnostics-camry-clean', session.id);
  for (const email of ['ivan@xn--e1afmkfd.xn--p1ai', 'o\'brien+kiosk@example.com']) {
    const made = await kiosk.must(201, kiosk.post<Report>('/api/reports/diagnostics', { data: { ...data, vehicleModel: '<b>Camry</b> & "Co"' }, deliverTo: { email } }));
    await kiosk.untilSent(made.reportId);
  }
  const mails = await emailsIn(stack.storagePath);
  // As the reader of mail shows it.
  expect(new Set(mails.map(({ to }) => [to].flat().flatMap((each) => each?.value.map(({ address }) => address)).join()))).toEqual(
    new Set(['ivan@пример.рф', 'o\'brien+kiosk@example.com', 'owner@example.com']),
  );
  for (const { html } of mails) expect(html).not.toContain('<b>');
  expect(textMessagesIn(stack.storagePath)).toEqual([]);
});
