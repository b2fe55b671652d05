import { expect, test } from '@jest/globals';
import { readConfig } from './config.ts';

test('each service is looked for on this machine at its port, unless its address says otherwise', () => {
  expect(readConfig({}).peers).toEqual({
    sessions: { grpcAddress: '127.0.0.1:50051', metricsAddress: '127.0.0.1:9101' },
    payments: { grpcAddress: '127.0.0.1:50052', metricsAddress: '127.0.0.1:9102' },
    reporting: { grpcAddress: '127.0.0.1:50053', metricsAddress: '127.0.0.1:9103' },
  });
  const { peers } = readConfig({ SESSIONS_GRPC_PORT: '6000', PAYMENTS_GRPC_ADDRESS: 'payments.internal:7000', REPORTING_METRICS_ADDRESS: '[::1]:8000' });
  expect([peers.sessions.grpcAddress, peers.payments.grpcAddress, peers.reporting.metricsAddress]).toEqual(['127.0.0.1:6000', 'payments.internal:7000', '[::1]:8000']);
});

test('trusted proxies are addresses and networks', () => {
  expect(readConfig({ TRUSTED_PROXIES: '10.0.0.1, 10.1.0.0/16,fd00::/8' }).trustedProxies).toEqual(['10.0.0.1', '10.1.0.0/16', 'fd00::/8']);
});

test.each([
  ['TRUSTED_PROXIES', 'true'], ['TRUSTED_PROXIES', '10.0.0.0/33'], ['TRUSTED_PROXIES', '10.0.0.0/'], ['TRUSTED_PROXIES', 'proxy.example'],
  ['SESSIONS_GRPC_ADDRESS', 'http://a:1'], ['SESSIONS_METRICS_ADDRESS', 'a'], ['PORT', '70000'], ['AGENT_ENV', 'TEST'],
])('nonsense (%s=%s) is refused by its name', (name, value) => {
  expect(() => readConfig({ [name]: value })).toThrow(name);
});

const key = 'a-key-of-16-chars';
const readKeysOf = (env: Record<string, string>) => () => readConfig({ AGENT_ENV: 'DEV', HOST: '127.0.0.1', ...env });

test('each key is kept as its hash, with its owner; one kiosk may have several', () => {
  const { keys } = readConfig({ KIOSK_API_KEYS: `k-1:${key},k-1:${key}:2`, OPERATOR_API_KEYS: `anna:${key}=` });
  expect(keys.map(({ role, name }) => [role, name])).toEqual([['kiosk', 'k-1'], ['kiosk', 'k-1'], ['operator', 'anna']]);
  expect(JSON.stringify(keys)).not.toContain(key);
});

test.each([['DEV', '127.0.0.1'], ['DEV', '127.1.2.3'], ['DEV', '::1'], ['DEV', 'localhost']])('X1 without keys %s starts on %s', (AGENT_ENV, HOST) => {
  expect(readConfig({ AGENT_ENV, HOST }).keys).toEqual([]);
});

test.each([['PROD', '127.0.0.1'], ['PROD', '0.0.0.0'], ['DEV', '0.0.0.0'], ['DEV', '::'], ['DEV', '10.0.0.5'], ['DEV', 'kiosk.example'], ['DEV', '127.0.0.1.example']])(
  'X1 without keys %s does not start on %s, and says what to set', (AGENT_ENV, HOST) => {
    expect(readKeysOf({ AGENT_ENV, HOST })).toThrow('set KIOSK_API_KEYS and OPERATOR_API_KEYS');
    expect(readKeysOf({ AGENT_ENV, HOST, KIOSK_API_KEYS: `k-1:${key}` })).not.toThrow();
  },
);

test.each([
  ['a short key', 'k-1:canary-15-chars', 'the key of k-1 is shorter'],
  ['a key without a name', 'canary-canary-canary', 'entry 1 is not'],
  ['an empty name', ':canary-canary-canary', 'entry 1 is not'],
  ['a name that is none', `k-1:${key},canary canary:${key}`, 'entry 2 is not'],
  ['name and key exchanged', 'canary-canary-canary:k-1', 'entry 1 is shorter'],
  ['a key that no header can carry', 'k-1:canary canary canary', 'the key of k-1 is none'],
])('X2 %s is refused at the start by its name, never by its value', (_what, value, sentence) => {
  const attempt = readKeysOf({ KIOSK_API_KEYS: value });
  expect(attempt).toThrow(sentence);
  expect(attempt).not.toThrow(/canary/);
});

test('two may not have the same key', () => {
  expect(readKeysOf({ KIOSK_API_KEYS: `k-1:${key},k-2:${key}` })).toThrow('kiosk k-1 and kiosk k-2 must not have the same key');
  expect(readKeysOf({ KIOSK_API_KEYS: `anna:${key}`, OPERATOR_API_KEYS: `anna:${key}` })).toThrow('kiosk anna and operator anna must not have the same key');
});
