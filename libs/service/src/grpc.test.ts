import { expect, test } from '@jest/globals';
import { grpcAddress, grpcTls } from './grpc.ts';
import { SettingsError } from './settings.ts';

const all = { GRPC_TLS_CA: 'certs/ca.pem', GRPC_TLS_CERT: 'certs/{service}.pem', GRPC_TLS_KEY: '{service}/{service}-key.pem' };

test('one setting serves all services: {service} stands for the name', () => {
  expect(grpcTls(all, 'payments')).toEqual({ caFile: 'certs/ca.pem', certFile: 'certs/payments.pem', keyFile: 'payments/payments-key.pem' });
});

test('without any of the files there is no TLS', () => {
  expect(grpcTls({ GRPC_TLS_CA: undefined, GRPC_TLS_CERT: undefined, GRPC_TLS_KEY: undefined }, 'payments')).toBeUndefined();
});

test.each(Object.keys(all))('X3 all but %s is refused: half of it is no TLS', (name) => {
  expect(() => grpcTls({ ...all, [name]: undefined }, 'payments')).toThrow(SettingsError);
});

test.each([['127.0.0.1', '127.0.0.1:50051'], ['10.0.0.5', '10.0.0.5:50051'], ['0.0.0.0', '127.0.0.1:50051'], ['::', '127.0.0.1:50051'], ['::1', '[::1]:50051']])(
  'services that listen on %s are found at %s', (host, address) => {
    expect(grpcAddress({ GRPC_HOST: host }, 50051)).toBe(address);
  },
);
