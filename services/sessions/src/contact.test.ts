import { expect, test } from '@jest/globals';
import type { Fault } from '@kiosk/fault';
import fc from 'fast-check';
import { normalizeEmail, normalizePhone, patchContact, refuseWithoutConsent } from './contact.ts';

test.each([
  ['89001234567', '+79001234567'], ['79001234567', '+79001234567'], ['9001234567', '+79001234567'], ['+79001234567', '+79001234567'],
  ['8 (900) 123-45-67', '+79001234567'], ['+7 900 123 45 67', '+79001234567'], [' 8-900-123-45-67 ', '+79001234567'], ['8.900.123.45.67', '+79001234567'],
  ['8 495 123-45-67', '+74951234567'], ['8 800 555-35-35', '+78005553535'], ['8 701 123 45 67', '+77011234567'], ['８９００１２３４５６７', '+79001234567'],
  ['+77011234567', '+77011234567'], ['+375 29 123-45-67', '+375291234567'], ['+49 1512 3456789', '+4915123456789'], ['+1 213 373 4253', '+12133734253'],
])('the phone number %s becomes %s', (text, phone) => {
  expect(normalizePhone(text)).toBe(phone);
  expect(normalizePhone(phone)).toBe(phone);
});

test.each([
  '', ' ', 'phone', '12345', '900123456', '890012345678', '+7900123456', '0089001234567', '+79001234567 ext 5', '89001234567 89007654321',
  'call me 89001234567', 'a89001234567', '8-900-FLOWERS', '89001234567\r\nBcc: someone', '89001234567\n', '89001234567\u0000', '89001234567; DROP TABLE sessions',
  '+7+9001234567', '9'.repeat(40), '¼½¾', '-9001234567-1',
  // A digit short: nobody's number, or with the 7 or 8 taken for a part of it somebody else's.
  '8926123456', '7926123456', '8900123456', '7701123456', '8495123456', '7 926 123-45-6', '+7926123456',
])('the phone number %j is refused', (text) => {
  expect(() => normalizePhone(text)).toThrow(expect.objectContaining({ kind: 'invalid', reason: 'invalid_phone', errors: [expect.objectContaining({ path: 'contact.phone' })] }));
});

test.each([
  ['name@example.com', 'name@example.com'], ['  Name.Surname@Example.COM ', 'name.surname@example.com'], ['a+tag@sub.example.co.uk', 'a+tag@sub.example.co.uk'],
  ['o\'brien@example.ie', 'o\'brien@example.ie'], ['a@xn--80a1acny.xn--p1ai', 'a@xn--80a1acny.xn--p1ai'], ['1@2.ru', '1@2.ru'],
  [`${'x'.repeat(64)}@example.com`, `${'x'.repeat(64)}@example.com`],
])('the e-mail address %s becomes %s', (text, email) => {
  expect(normalizeEmail(text)).toBe(email);
  expect(normalizeEmail(email)).toBe(email);
});

test.each([
  '', '@', 'a@', '@b.ru', 'a@b', 'a b@c.ru', 'a@b..ru', '.a@b.ru', 'a.@b.ru', 'a..b@c.ru', 'a@-b.ru', 'a@b-.ru', 'a@b.c', 'a@b.c-', 'a@b.--', 'a@b.-c', 'a@b.22', 'a@127.0.0.10',
  'a@b.ru,c@d.ru', 'a@b.ru;c@d.ru', '<a@b.ru>', 'A <a@b.ru>', '"a b"@c.ru', 'a@[127.0.0.1]', 'a@b@c.ru', 'a(x)@b.ru',
  'a@b.ru\r\nBcc: c@d.ru', 'a@b.ru\n', '\ra@b.ru', 'a\n@b.ru', 'a\u0000@b.ru', 'a@b.ru\u2028x', 'иван@почта.рф', 'a@почта.рф', '\u212Aiosk@example.com', 'a\u200b@b.ru', 'ａ@b.ru',
  `${'x'.repeat(65)}@example.com`, `a@${'x'.repeat(64)}.ru`, `a@${'x.'.repeat(130)}ru`,
])('the e-mail address %j is refused', (text) => {
  expect(() => normalizeEmail(text)).toThrow(expect.objectContaining({ kind: 'invalid', reason: 'invalid_email', errors: [expect.objectContaining({ path: 'contact.email' })] }));
});

test('D9 whatever is typed: refused, or one mailbox and one number without blanks, line breaks or separators', () => {
  const typed = fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress(), fc.stringMatching(/^[+78]?[\d ()\-\r\n;,@]{0,20}$/));
  fc.assert(fc.property(typed, (text) => {
    const email = orRefused(() => normalizeEmail(text));
    const phone = orRefused(() => normalizePhone(text));
    expect(email ?? 'a@b.ru').toMatch(/^[^\s,;<>"()@]+@[a-z0-9.-]+$/);
    expect(phone ?? '+79001234567').toMatch(/^\+[1-9]\d{6,14}$/);
  }), { numRuns: 500 });
});

function orRefused(run: () => string): string | undefined {
  try {
    return run();
  } catch (error) {
    if ((error as Fault).kind !== 'invalid') throw error;
    return undefined;
  }
}

const now = Date.UTC(2026, 10, 20);

test('a patch of a contact keeps what is absent, removes what is empty and replaces the rest', () => {
  const contact = { email: 'a@b.ru', phone: '+79001234567' };
  expect(patchContact(contact, {}, now)).toEqual(contact);
  expect(patchContact(contact, { email: '' }, now)).toEqual({ phone: '+79001234567' });
  expect(patchContact(contact, { phone: '89007654321' }, now)).toEqual({ email: 'a@b.ru', phone: '+79007654321' });
  expect(patchContact({}, { email: 'C@D.RU', phone: '' }, now)).toEqual({ email: 'c@d.ru' });
  expect(patchContact(contact, { email: '', phone: '' }, now)).toEqual({});
});

const consent = { textVersion: 'offer-2026-11', at: now };

test('consent stays with the contact through a patch, is replaced or removed by one, and goes with the last of the two', () => {
  const contact = patchContact({}, { email: 'a@b.ru', phone: '89001234567', consent }, now);
  expect(contact).toEqual({ email: 'a@b.ru', phone: '+79001234567', consent });
  expect(patchContact(contact, { email: 'c@d.ru' }, now)).toEqual({ ...contact, email: 'c@d.ru' });
  expect(patchContact(contact, { consent: { textVersion: '2', at: 1 } }, now).consent).toEqual({ textVersion: '2', at: 1 });
  expect(patchContact(contact, { consent: { textVersion: '', at: Number.NaN } }, now)).toEqual({ email: 'a@b.ru', phone: '+79001234567' });
  expect(patchContact(contact, { email: '', phone: '' }, now)).toEqual({});
  expect(patchContact({}, { consent }, now)).toEqual({});
});

test.each([
  { textVersion: 'a b', at: now }, { textVersion: 'x'.repeat(65), at: now }, { textVersion: '1', at: now + 300_001 }, { textVersion: '1', at: Number.NaN }, { textVersion: '1', at: 0 },
])('consent %j is refused', (bad) => {
  expect(() => patchContact({}, { email: 'a@b.ru', consent: bad }, now)).toThrow('consent must name');
});

test('where consent is required a contact without it is refused, and none is needed for nobody', () => {
  expect(() => refuseWithoutConsent({ email: 'a@b.ru' })).toThrow('consent');
  expect(() => refuseWithoutConsent({ email: 'a@b.ru', consent })).not.toThrow();
  expect(() => refuseWithoutConsent({})).not.toThrow();
});
