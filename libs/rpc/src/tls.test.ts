import * as grpc from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { service as healthService } from 'grpc-health-check';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { makeCertificates } from '../../../dev/stack/src/certificates.ts';
import { connectEcho, failure, startEcho, until } from './testing.ts';
import { testCertificates, type TestCertificates } from './testing-tls.ts';
import { Certificates } from './tls.ts';

let trusted: TestCertificates;
let other: TestCertificates;
beforeAll(() => {
  trusted = testCertificates('echo', 'gateway', 'payments');
  other = testCertificates('echo', 'gateway');
});
afterAll(() => {
  trusted[Symbol.dispose]();
  other[Symbol.dispose]();
});

const tls = (name = 'echo', callers = ['gateway']) => ({ ...trusted.of(name), callers });
const away = { kind: 'unavailable', reason: 'echo_unavailable' };

test('X3 a caller with the right name is served, in both kinds of call', async () => {
  await using server = await startEcho({ tls: tls() });
  await using client = connectEcho(server.port, { tls: trusted.of('gateway') });
  expect(await client.act({ text: 'hello' })).toEqual({ text: 'hello' });
  const words: string[] = [];
  for await (const { text } of client.watch({ text: 'a b' })) words.push(text);
  expect(words).toEqual(['a', 'b']);
});

test('X3 a caller with another name is told so, and the operator too', async () => {
  await using server = await startEcho({ tls: tls() });
  await using client = connectEcho(server.port, { tls: trusted.of('payments') });
  for (const call of [() => client.act({ text: '' }), () => client.watch({ text: '' })[Symbol.asyncIterator]().next()]) {
    expect(await failure(call())).toMatchObject({ kind: 'unavailable', reason: 'caller_not_allowed' });
  }
  expect(server.errors.filter(({ method }) => method.startsWith('kiosk.test'))).toMatchObject([
    { method: 'kiosk.test.Echo/Act', error: { reason: 'caller_not_allowed' } }, { method: 'kiosk.test.Echo/Watch', error: { reason: 'caller_not_allowed' } },
  ]);
  expect(server.observed).toEqual([]);
  expect(client.observed.map(({ code }) => code)).toEqual(['PERMISSION_DENIED', 'PERMISSION_DENIED']);
});

test('X3 nobody is served where the list of callers is empty', async () => {
  await using server = await startEcho({ tls: tls('echo', []) });
  await using client = connectEcho(server.port, { tls: trusted.of('gateway') });
  expect(await failure(client.act({ text: '' }))).toMatchObject({ reason: 'caller_not_allowed' });
});

test('X3 a certificate of another authority is refused by the server', async () => {
  await using server = await startEcho({ tls: tls() });
  await using client = connectEcho(server.port, { tls: { ...other.of('gateway'), caFile: trusted.of('gateway').caFile } });
  expect(await failure(client.act({ text: '' }))).toMatchObject(away);
});

test('X3 a server of another authority, or of another name, is refused by the client', async () => {
  for (const files of [other.of('echo'), trusted.of('payments')]) {
    await using server = await startEcho({ tls: { ...files, callers: ['gateway', 'payments'] } });
    await using client = connectEcho(server.port, { tls: trusted.of('gateway') });
    expect(await failure(client.act({ text: '' }))).toMatchObject(away);
    expect(server.observed).toEqual([]);
  }
});

test('X3 a client without TLS is refused by a server with it, and the other way round', async () => {
  await using secure = await startEcho({ tls: tls() });
  await using plainClient = connectEcho(secure.port);
  expect(await failure(plainClient.act({ text: '' }))).toMatchObject(away);
  expect(secure.observed).toEqual([]);
  const plain = createServer((socket) => socket.on('error', () => {}).end('no TLS here'));
  plain.listen(0, '127.0.0.1');
  await once(plain, 'listening');
  await using secureClient = connectEcho((plain.address() as AddressInfo).port, { tls: trusted.of('gateway') });
  expect(await failure(secureClient.act({ text: '' }))).toMatchObject(away);
  plain.close();
});

test('X3 a client that trusts the authority but shows no certificate is refused', async () => {
  await using server = await startEcho({ tls: tls() });
  const credentials = grpc.credentials.createSsl(readFileSync(trusted.of('gateway').caFile));
  const client = new grpc.Client(`127.0.0.1:${server.port}`, credentials, { 'grpc.ssl_target_name_override': 'echo' });
  const { Check } = healthService as unknown as Record<string, grpc.MethodDefinition<object, object>>;
  const error = await failure(new Promise((resolve, reject) => {
    client.makeUnaryRequest(Check!.path, Check!.requestSerialize, Check!.responseDeserialize, { service: '' }, { deadline: Date.now() + 30_000 }, (e, answer) => (e ? reject(e) : resolve(answer)));
  }));
  client.close();
  expect(error).toMatchObject({ code: grpc.status.UNAVAILABLE });
});

const [ownAddress] = Object.values(networkInterfaces()).flat().filter((entry) => entry?.family === 'IPv4' && !entry.internal);

test('X3 with TLS a server listens on any address', async () => {
  await using server = await startEcho({ host: '0.0.0.0', tls: tls() });
  const host = ownAddress?.address ?? '127.0.0.1';
  await using client = connectEcho(server.port, { address: `${host}:${server.port}`, tls: trusted.of('gateway') });
  expect(await client.act({ text: 'hello' })).toEqual({ text: 'hello' });
});

test.each(['10.1.2.3:50051', 'sessions:50051', 'localhost.example.com:50051', '[::]:1', '[fe80::1]:50051', ':50051', 'dns:///127.0.0.1:50051', ''])(
  'X3 without TLS a client does not ask at %j', async (address) => {
    expect(await failure((async () => connectEcho(0, { address }))())).toMatchObject({ kind: 'invalid', reason: 'grpc_address_not_loopback' });
  },
);

test.each<[string, (folder: string) => void]>([
  ['a file that does not exist', () => {}],
  ['a file that is no certificate', (folder) => writeFileSync(join(folder, 'new.pem'), 'canary')],
  ['a key of another certificate', (folder) => copyFileSync(join(folder, 'payments.pem'), join(folder, 'new.pem'))],
])('X3 %s fails the start, in words of ours', async (_, prepare) => {
  using files = testCertificates('echo', 'payments');
  prepare(files.folder);
  const broken = { ...files.of('echo'), certFile: join(files.folder, 'new.pem') };
  for (const start of [() => startEcho({ tls: { ...broken, callers: [] } }), async () => connectEcho(1, { tls: broken })]) {
    const fault = await failure(start());
    expect(fault).toMatchObject({ kind: 'invalid', reason: 'grpc_tls_unusable' });
    expect((fault as Error).message).not.toContain('canary');
  }
});

test('renewed certificates are taken up without a restart, and a broken renewal is not', async () => {
  using files = testCertificates('echo', 'gateway');
  await using server = await startEcho({ tls: { ...files.of('echo'), callers: ['gateway'], renewalMs: 20 } });
  const shown = async (): Promise<string> => {
    const { ca, cert, key } = new Certificates(files.of('gateway')).pem;
    const socket = connectTls({ host: '127.0.0.1', port: server.port, ca, cert, key, servername: 'echo', ALPNProtocols: ['h2'] });
    await once(socket, 'secureConnect');
    const { fingerprint256 } = socket.getPeerCertificate();
    socket.destroy();
    return fingerprint256;
  };
  const before = await shown();
  writeFileSync(files.of('echo').keyFile, 'half a k');
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await shown()).toBe(before);
  makeCertificates({ folder: files.folder, names: ['echo'] });
  let now = before;
  await until(() => {
    void shown().then((fingerprint) => { now = fingerprint; });
    return now !== before;
  });
  await using client = connectEcho(server.port, { tls: files.of('gateway') });
  expect(await client.act({ text: 'hello' })).toEqual({ text: 'hello' });
});
