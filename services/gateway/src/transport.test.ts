import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createTurns } from '@kiosk/service';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { readCertificate } from './certificate.ts';
import { readConfig } from './config.ts';
import { Connections } from './connections.ts';
import { startHttp } from './server.ts';
import { problemOf, sessionId, startTestGateway } from './testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
const filesOf = (name: string) => ({ certFile: join(folder, `${name}.crt`), keyFile: join(folder, `${name}.key`) });

beforeAll(() => {
  for (const name of ['one', 'two']) {
    const { certFile, keyFile } = filesOf(name);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
      '-addext', 'subjectAltName=DNS:localhost', '-keyout', keyFile, '-out', certFile], { stdio: 'pipe' });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const screen = 'https://screen.example';
const cors = { config: { corsOrigins: [screen, 'http://127.0.0.1:8080'] } };
const address = `/api/sessions/${sessionId}`;
const accessOf = ({ headers }: Response) => [...headers.keys()].filter((name) => name.startsWith('access-control-'));

test('without a configured origin no page from elsewhere is let in, and a preflight is a 405 as any OPTIONS', async () => {
  await using gateway = await startTestGateway();
  const answer = await gateway.send(address, { headers: { origin: screen } });
  const preflight = await gateway.send(address, { method: 'OPTIONS', headers: { origin: screen, 'access-control-request-method': 'GET' } });
  expect([answer.status, accessOf(answer), preflight.status, accessOf(preflight)]).toEqual([200, [], 405, []]);
  expect(await problemOf(preflight)).toMatchObject({ reason: 'method_not_allowed' });
});

test('a page of a configured origin may read answers, refusals too, and with them their id, ETag and Retry-After', async () => {
  await using gateway = await startTestGateway(cors);
  for (const path of [address, '/api/sessions/nonsense', '/nope']) {
    const { headers } = await gateway.send(path, { headers: { origin: screen } });
    expect([headers.get('access-control-allow-origin'), headers.get('vary')]).toEqual([screen, 'Origin']);
    expect(headers.get('access-control-expose-headers')!.split(', ')).toEqual(expect.arrayContaining(['x-request-id', 'etag', 'retry-after']));
    // A key is sent by the page, never by the browser unasked: cookies and client certificates stay out of it.
    expect(headers.has('access-control-allow-credentials')).toBe(false);
  }
});

test.each(['https://screen.example.evil', 'http://screen.example', 'https://SCREEN.example', 'https://screen.example:8443', 'null', '*'])(
  'the origin %s is not a configured one', async (origin) => {
    await using gateway = await startTestGateway(cors);
    const answer = await gateway.send(address, { headers: { origin } });
    const preflight = await gateway.send(address, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'PATCH' } });
    expect([accessOf(answer), accessOf(preflight), answer.headers.get('vary'), preflight.status]).toEqual([[], [], 'Origin', 405]);
  },
);

test('a preflight needs no key, names what may be sent, and is asked of no service', async () => {
  const { keys } = readConfig({ KIOSK_API_KEYS: 'k-1:kiosk-one-key-1111' });
  await using gateway = await startTestGateway({ config: { ...cors.config, keys } });
  const asked = { origin: screen, 'access-control-request-method': 'PATCH', 'access-control-request-headers': 'authorization,content-type' };
  const preflight = await gateway.send(address, { method: 'OPTIONS', headers: asked });
  expect([preflight.status, await preflight.text()]).toEqual([204, '']);
  expect(preflight.headers.get('access-control-allow-methods')).toContain('PATCH');
  const allowed = preflight.headers.get('access-control-allow-headers')!.split(', ');
  expect(allowed).toEqual(expect.arrayContaining(['authorization', 'x-api-key', 'content-type', 'idempotency-key', 'if-none-match', 'last-event-id']));
  const unkeyed = await gateway.send(address, { headers: { origin: screen } });
  expect([unkeyed.status, unkeyed.headers.get('access-control-allow-origin')]).toEqual([401, screen]);
  expect(gateway.asked).toEqual([]);
});

test.each(['*', 'null', 'screen.example', 'https://screen.example/', 'https://screen.example:443', 'https://*.example', 'ftp://screen.example', 'https://a@screen.example'])(
  'CORS_ORIGINS=%s is refused at the start', (value) => {
    expect(() => readConfig({ CORS_ORIGINS: value })).toThrow('CORS_ORIGINS');
  },
);

test('every answer says that it is data: not to be framed, sniffed, run, kept or told about elsewhere', async () => {
  await using gateway = await startTestGateway();
  for (const path of [address, '/nope', '/health/live']) {
    expect(Object.fromEntries((await gateway.send(path)).headers)).toMatchObject({
      'content-security-policy': 'default-src \'none\';frame-ancestors \'none\'', 'x-frame-options': 'DENY', 'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin', 'strict-transport-security': 'max-age=31536000', 'cache-control': 'no-store',
    });
  }
});

/** One request over HTTPS, and who answered. */
async function ask(port: number, options: { maxVersion?: 'TLSv1.1' | 'TLSv1.2'; minVersion?: 'TLSv1.1' } = {}): Promise<{ status: number; body: string; name: string; protocol: string | null }> {
  const sent = request({ host: 'localhost', port, path: address, rejectUnauthorized: false, agent: false, ciphers: 'DEFAULT@SECLEVEL=0', ...options }).end();
  const [response] = await once(sent, 'response');
  const socket = response.socket as TLSSocket;
  const name = String(socket.getPeerCertificate().subject.CN);
  return { status: response.statusCode, body: await text(response), name, protocol: socket.getProtocol() };
}

const startHttps = (name: string, certificateCheckMs?: number) =>
  startTestGateway({ config: { certificateFiles: filesOf(name), host: 'localhost' }, certificateCheckMs });

test('with a certificate it speaks HTTPS, of TLS 1.2 and later, and what is not TLS gets nothing', async () => {
  await using gateway = await startHttps('one');
  expect(await ask(gateway.port)).toMatchObject({ status: 200, name: 'one', protocol: 'TLSv1.3' });
  expect(await ask(gateway.port, { maxVersion: 'TLSv1.2' })).toMatchObject({ status: 200, protocol: 'TLSv1.2' });
  await expect(ask(gateway.port, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })).rejects.toThrow(/alert protocol version|unsupported protocol|no protocols available/i);
  const plain = connect(gateway.port, 'localhost').on('error', () => {});
  plain.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  expect(await text(plain).catch(() => '')).not.toContain('HTTP/1.1 200');
  expect((await ask(gateway.port)).status).toBe(200);
});

test('G1 what is no HTTP inside TLS gets its problem document too', async () => {
  await using gateway = await startHttps('one');
  const socket = connectTls({ host: 'localhost', port: gateway.port, rejectUnauthorized: false });
  socket.write('GARBAGE\r\n\r\n');
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 Bad Request\r\n[^]*"reason":"malformed_request"/);
});

test('G5 who has connected and never begun with TLS does not hold up the stop', async () => {
  const server = await startHttp({
    host: '127.0.0.1', port: 0, certificate: readCertificate(filesOf('one')), limits: { drainTimeout: 100 }, turns: createTurns({ perTurn: 16 }),
    connections: new Connections({ most: 9, mostPerAddress: 9, isProxy: () => false }), door: { busy: () => false, refuse: () => undefined, listener: () => {} },
  });
  const silent = connect(server.port, '127.0.0.1').on('error', () => {});
  await once(silent, 'connect');
  const closed = once(silent, 'close');
  let isLate = false;
  // The handshake alone may take ten seconds.
  const late = setTimeout(() => isLate = true, 5000);
  await server[Symbol.asyncDispose]();
  clearTimeout(late);
  await closed;
  expect(isLate).toBe(false);
});

test('a renewed certificate is taken up without a restart, and one that cannot be used leaves the one before', async () => {
  const { certFile, keyFile } = filesOf('live');
  const copy = (name: string): void => {
    cpSync(filesOf(name).certFile, certFile);
    cpSync(filesOf(name).keyFile, keyFile);
  };
  copy('one');
  await using gateway = await startHttps('live', 20);
  expect((await ask(gateway.port)).name).toBe('one');
  copy('two');
  while ((await ask(gateway.port)).name !== 'two');
  writeFileSync(certFile, 'no certificate');
  const complaints = () => gateway.log().filter(({ msg }) => msg === 'the changed certificate cannot be used; the one before stays');
  while (complaints().length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  expect((await ask(gateway.port)).name).toBe('two');
  expect(JSON.stringify(gateway.log())).not.toContain(readFileSync(keyFile, 'utf8').split('\n')[1]);
});

test.each([
  ['a missing file', () => ({ ...filesOf('one'), certFile: join(folder, 'nothing') })],
  ['another certificate\'s key', () => ({ ...filesOf('one'), keyFile: filesOf('two').keyFile })],
  ['no certificate', () => ({ ...filesOf('one'), certFile: filesOf('one').keyFile })],
])('%s fails the start with a sentence that names the settings', (_what, files) => {
  expect(() => readCertificate(files())).toThrow('HTTPS_CERT and HTTPS_KEY cannot be used');
});

test('a certificate without its key, or a key without its certificate, is refused', () => {
  for (const name of ['HTTPS_CERT', 'HTTPS_KEY']) expect(() => readConfig({ [name]: '/etc/kiosk/x.pem' })).toThrow('HTTPS needs both');
});
