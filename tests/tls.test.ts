/** The services talk to one another under mutual TLS, on an address that is not loopback where the machine has one. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { makeCertificates, serviceNames, startStack } from '@kiosk/stack';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectProblem, kioskAt } from './kiosk.ts';
import { wholeVisit } from './visit.ts';

const [own] = Object.values(networkInterfaces()).flat().filter((entry) => entry?.family === 'IPv4' && !entry.internal);

let folder: string;
let settings: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiosk-certs-'));
  makeCertificates({ folder, names: serviceNames });
  settings = {
    GRPC_HOST: own?.address ?? '127.0.0.1',
    GRPC_TLS_CA: join(folder, 'ca.pem'),
    GRPC_TLS_CERT: join(folder, '{service}.pem'),
    GRPC_TLS_KEY: join(folder, '{service}-key.pem'),
    DEV_AUTO_CONFIRM_DELAY_MS: '100',
    PAYMENT_POLL_INTERVAL_MS: '50',
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('X3 a visit goes through under mutual TLS', async () => {
  await using stack = await startStack({ settings });
  expect(await wholeVisit(stack)).toMatchObject({ status: 'ready', deliveries: [{ status: 'sent' }] });
});

test('X3 a service whose certificate names another is not let in where that one is not wanted', async () => {
  for (const kind of ['', '-key']) await copyFile(join(folder, `payments${kind}.pem`), join(folder, `gateway${kind}.pem`));
  await using stack = await startStack({ settings });
  const kiosk = kioskAt(stack.url);
  const session = await kiosk.openSession({ type: 'diagnostics' });
  expectProblem(await kiosk.requestReport(session, 'diagnostics-granta'), { status: 503, reason: 'caller_not_allowed' });
});

test('X3 an address that others can reach is refused without TLS', async () => {
  await expect(startStack({ settings: { GRPC_HOST: '0.0.0.0' } })).rejects.toThrow('gRPC without TLS listens on loopback only');
  await expect(startStack({ settings: { SESSIONS_GRPC_ADDRESS: 'sessions.example:50051' } })).rejects.toThrow('gRPC without TLS asks the sessions service on loopback only');
});
