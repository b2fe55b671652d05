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
