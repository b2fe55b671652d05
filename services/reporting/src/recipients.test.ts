import { expect, test } from '@jest/globals';
import { maskRecipient, normalizeEmail, normalizePhone } from './recipients.ts';

test.each([
  ['Ivan.Petrov@Example.COM', 'ivan.petrov@example.com'], [' a@b.ru ', 'a@b.ru'], ['o\'brien+tag@sub.example.org', 'o\'brien+tag@sub.example.org'],
])('%s is one mailbox', (text, expected) => {
  expect(normalizeEmail(text)).toBe(expected);
});

test.each([
  '', 'a', '@b.ru', 'a@', 'a@b', 'a@b@c.ru', 'a@b.ru,c@d.ru', 'a@b.ru c@d.ru', 'Ivan <a@b.ru>', 'a@b.ru\n', 'a@b.ru\r\nBcc: c@d.ru', 'a\0@b.ru', '"a b"@c.ru', 'a..b@c.ru',
  'friends: a@b.ru, c@d.ru;', 'a(comment)@b.ru', 'a@[127.0.0.1]', 'ivan@пример.рф', 'иван@example.com', 'a\u202E@b.ru', 'a\u200B@b.ru', `${'a'.repeat(10_000)}@b.ru`,
  '\u212Aate@example.com', `${'a'.repeat(65)}@b.ru`, `a@${'b'.repeat(250)}.ru`,
])('D9 %j is refused as an e-mail address', (text) => {
  expect(() => normalizeEmail(text)).toThrow(expect.objectContaining({ reason: 'invalid_email' }));
});

test.each([
  ['8 (912) 345-67-89', '+79123456789'], ['79123456789', '+79123456789'], ['9123456789', '+79123456789'], ['+7 912 345 67 89', '+79123456789'], ['+375 29 123-45-67', '+375291234567'],
])('%s is a phone number', (text, expected) => {
  expect(normalizePhone(text)).toBe(expected);
});

test.each(['8926123456', '7926123456', '8900123456', '7701123456'])('%s, which is a digit short, becomes nobody else\'s number', (text) => {
  expect(() => normalizePhone(text)).toThrow(expect.objectContaining({ reason: 'invalid_phone' }));
});

test.each(['', '12', '+7', 'call 8 912 345 67 89 now', '8 912 345-67-89\n', '8 912 345-67-89 ext. 5', '+79123456789,+79123456780', '9'.repeat(40)])('D9 %j is refused as a phone number', (text) => {
  expect(() => normalizePhone(text)).toThrow(expect.objectContaining({ reason: 'invalid_phone' }));
});

test('a masked recipient tells its owner and nobody else', () => {
  expect(maskRecipient('email', 'ivan.petrov@example.com')).toBe('i***@example.com');
  expect(maskRecipient('sms', '+79123456789')).toBe('+7912***6789');
});
