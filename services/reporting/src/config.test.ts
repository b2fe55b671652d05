import { expect, test } from '@jest/globals';
import { readConfig } from './config.ts';
import { defaultThicknessLimits } from './thickness.ts';

test('without settings it is DEV: no payment required, peers on this machine', () => {
  expect(readConfig({})).toMatchObject({
    requirePayment: false, sessionsAddress: '127.0.0.1:50051', paymentsAddress: '127.0.0.1:50052', thicknessLimits: defaultThicknessLimits,
    emailFrom: { name: 'Проверка автомобиля', address: 'reports@kiosk.example' },
  });
});

test('X1 in PROD the development outboxes are refused, each by name', () => {
  expect(() => readConfig({ AGENT_ENV: 'PROD' })).toThrow(/EMAIL_PROVIDER must not be dev in PROD.*SMS_PROVIDER must not be dev in PROD/);
});

test('thickness limits are given over the defaults, and a mistyped one is refused by name', () => {
  const { thicknessLimits } = readConfig({ THICKNESS_LIMITS: '{"fillerFromUm": 350, "zoneNorms": {"hood": {"minUm": 1, "maxUm": 2, "typicalUm": 2}}}' });
  expect(thicknessLimits).toEqual({
    ...defaultThicknessLimits, fillerFromUm: 350, zoneNorms: { ...defaultThicknessLimits.zoneNorms, hood: { minUm: 1, maxUm: 2, typicalUm: 2 } },
  });
  expect(() => readConfig({ THICKNESS_LIMITS: '{"filler": 350}' })).toThrow(/THICKNESS_LIMITS/);
});

test.each([
  ['reports@kiosk.ru', { name: '', address: 'reports@kiosk.ru' }], ['Киоск <reports@kiosk.ru>', { name: 'Киоск', address: 'reports@kiosk.ru' }],
])('D9 EMAIL_FROM %s is a sender', (EMAIL_FROM, expected) => {
  expect(readConfig({ EMAIL_FROM }).emailFrom).toEqual(expected);
});

test.each(['kiosk', 'a@b.ru, c@d.ru', 'Киоск <a@b.ru> <c@d.ru>'])('D9 EMAIL_FROM %s is refused', (EMAIL_FROM) => {
  expect(() => readConfig({ EMAIL_FROM })).toThrow(/EMAIL_FROM .*must be an e-mail address/);
});
