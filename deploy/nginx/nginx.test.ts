/** A real nginx with the shipped configuration in front of the running system. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { freePorts, startStack, type Stack } from '@kiosk/stack';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWith, run } from '../tools.ts';
import { until } from '../until.ts';

const shipped = readFileSync(join(import.meta.dirname, 'kiosk.conf'), 'utf8');
const operatorKey = 'an-operator-key-of-some-length';
const operator = { authorization: `Bearer ${operatorKey}` };
type Answer = { status: number; headers: IncomingHttpHeaders; body: string };

describeWith(['nginx', 'openssl'], 'nginx in front of the gateway', () => {
  let folder: string;
  let stack: Stack;
  let nginx: ChildProcess;
  let ports: { http: number; https: number };
  let ca: Buffer;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kiosk-nginx-'));
    const [http = 0, https = 0] = await freePorts(2);
    ports = { http, https };
    stack = await startStack({
      settings: {
        TRUSTED_PROXIES: '127.0.0.1', YOOKASSA_WEBHOOK_ADDRESS_CHECK: 'refuse', YOOKASSA_WEBHOOK_ALLOWED_IPS: '127.0.0.2',
        OPERATOR_API_KEYS: `olga:${operatorKey}`,
      },
    });
    run('openssl', [
      'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=kiosk.example', '-addext', 'subjectAltName=DNS:kiosk.example',
      '-keyout', join(folder, 'privkey.pem'), '-out', join(folder, 'fullchain.pem'),
    ]);
    ca = readFileSync(join(folder, 'fullchain.pem'));
    mkdirSync(join(folder, 'temp'));
    writeFileSync(join(folder, 'kiosk.conf'), here(shipped, { gateway: new URL(stack.url).host }));
    writeFileSync(join(folder, 'nginx.conf'), `
      ${process.getuid?.() === 0 ? 'user root;' : ''} worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log stderr warn;
      events { worker_connections 512; }
      http {
        client_body_temp_path ${folder}/temp/body; proxy_temp_path ${folder}/temp/proxy; fastcgi_temp_path ${folder}/temp/fastcgi;
        uwsgi_temp_path ${folder}/temp/uwsgi; scgi_temp_path ${folder}/temp/scgi;
        include ${folder}/kiosk.conf;
      }`);
    run('nginx', ['-t', '-p', folder, '-c', join(folder, 'nginx.conf')]);
    nginx = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'ignore' });
    await until(() => ask('/health/live'), ({ status }) => status === 200);
  }, 240_000);

  afterAll(async () => {
    if (nginx) {
      const gone = once(nginx, 'exit');
      nginx.kill('SIGTERM');
      await gone;
    }
    await stack?.[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The shipped file, with this machine's ports and folders in place of those of an operator's. Each line that is replaced must be there. */
  function here(text: string, { gateway }: { gateway: string }): string {
    const replacements: [from: RegExp, to: string][] = [
      // So that a slow machine's flood is one too.
      [/rate=50r\/s/, 'rate=1r/s'],
      [/server 127\.0\.0\.1:3000;/, `server ${gateway};`],
      [/listen 80;\n/, `listen 127.0.0.1:${ports.http};\n`],
      [/ *listen \[::\]:80;\n/, ''],
      [/listen 443 ssl http2;\n/, `listen 127.0.0.1:${ports.https} ssl http2;\n`],
      [/ *listen \[::\]:443 ssl http2;\n/, ''],
      [/\/etc\/nginx\/kiosk\/fullchain\.pem/, join(folder, 'fullchain.pem')],
      [/\/etc\/nginx\/kiosk\/privkey\.pem/, join(folder, 'privkey.pem')],
      [/\/var\/log\/nginx\/kiosk\.log/, join(folder, 'kiosk.log')],
    ];
    return replacements.reduce((before, [from, to]) => {
      const after = before.replace(from, to);
      expect(after).not.toBe(before);
      return after;
    }, text);
  }

  /** Through nginx, by HTTPS. `from` is the client's own address. */
  const ask = (path: string, options: Asked = {}): Promise<Answer> =>
    send((given, told) => httpsRequest({ ...given, port: ports.https, path, ca, servername: 'kiosk.example' }, told), options);

  /** Past nginx, to the gateway itself. */
  const askGateway = (path: string, options: Asked = {}): Promise<Answer> =>
    send((given, told) => httpRequest({ ...given, port: new URL(stack.url).port, path }, told), options);

  test('HTTPS works, with a certificate that is checked', async () => {
    const { status, headers } = await ask('/health/ready');
    expect(status).toBe(200);
    expect(headers['strict-transport-security']).toMatch(/^max-age=\d+/);
    expect(headers.server).toBe('nginx');
    await expect(send((given, told) => httpsRequest({ ...given, port: ports.https, path: '/health/live' }, told), {})).rejects.toThrow(/self.signed/);
  });

  test('plain HTTP only leads to HTTPS', async () => {
    const { status, headers } = await send((given, told) => httpRequest({ ...given, port: ports.http, path: '/api/sessions?x=1', headers: { host: 'kiosk.example' } }, told), {});
    expect({ status, location: headers.location }).toEqual({ status: 308, location: 'https://kiosk.example/api/sessions?x=1' });
  });

  describe('W6 W7 a notification is taken by the address of who sent it', () => {
    const notification = { method: 'POST', body: JSON.stringify({ type: 'notification', event: 'payment.succeeded', object: { id: 'stranger' } }) };

    test.each([
      ['the PSP’s own, through nginx', 200, { from: '127.0.0.2' }],
      ['another, through nginx', 403, { from: '127.0.0.3' }],
      ['another that says it is the PSP’s, through nginx', 403, { from: '127.0.0.3', headers: { 'x-forwarded-for': '127.0.0.2', 'x-real-ip': '127.0.0.2', forwarded: 'for=127.0.0.2' } }],
    ])('%s: %i', async (_, status, options) => {
      expect((await ask('/api/payments/webhook', { ...notification, ...options })).status).toBe(status);
    });

    test('another that says it is the PSP’s, past nginx: 403', async () => {
      expect((await askGateway('/api/payments/webhook', { ...notification, from: '127.0.0.3', headers: { 'x-forwarded-for': '127.0.0.2' } })).status).toBe(403);
    });
  });

  test('the metrics are not for the world, even with a key', async () => {
    expect((await ask('/metrics', { headers: operator })).status).toBe(404);
    expect((await askGateway('/metrics')).status).toBe(200);
  });

  test('whoever comes through nginx is not taken for somebody on this machine', async () => {
    expect((await ask('/api/sessions')).status).toBe(401);
  });

  test('G1 what nginx refuses by itself is a problem document too', async () => {
    const large = await ask('/api/sessions', { method: 'POST', body: 'x'.repeat(1_200_000), headers: operator });
    expectProblem(large, { status: 413, reason: 'body_too_large' });
    await stack.stop('gateway');
    try {
      const away = await ask('/api/sessions', { headers: operator });
      expectProblem(away, { status: 503, reason: 'unavailable' });
      expect(away.headers['retry-after']).toBe('2');
    } finally {
      await stack.start('gateway');
    }
  });

  test('G1 a body that the gateway finds too large is its own problem document', async () => {
    expectProblem(await ask('/api/sessions', { method: 'POST', body: 'x'.repeat(100_000), headers: operator }), { status: 413, reason: 'body_too_large' });
  });

  test('a flood from one address is held back, and notifications still get through', async () => {
    const flood = await Promise.all(Array.from({ length: 250 }, () => ask('/health/live', { from: '127.0.0.9' })));
    const refused = flood.find(({ status }) => status === 429);
    expectProblem(refused!, { status: 429, reason: 'rate_limited' });
    expect(refused!.headers['retry-after']).toBe('1');
    expect(flood.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
    const notification = { method: 'POST', body: JSON.stringify({ type: 'notification', event: 'payment.succeeded', object: { id: 'stranger' } }) };
    expect((await ask('/api/payments/webhook', { ...notification, from: '127.0.0.2' })).status).toBe(200);
  });

  test('an event reaches the screen while its stream is open', async () => {
    const { id } = JSON.parse((await ask('/api/sessions', { method: 'POST', body: JSON.stringify({ type: 'thickness' }), headers: operator })).body) as { id: string };
    const leave = new AbortController();
    let heard = '';
    const stream = httpsRequest(
      { host: '127.0.0.1', port: ports.https, path: `/api/sessions/${id}/events`, ca, servername: 'kiosk.example', agent: false, signal: leave.signal, headers: { ...operator, accept: 'text/event-stream' } },
      (response) => response.on('data', (chunk: Buffer) => {
        heard += chunk.toString('utf8');
      }).on('error', () => {}),
    );
    stream.on('error', () => {});
    stream.end();
    await until(() => heard, (text) => text.includes('"active"'));
    await ask(`/api/sessions/${id}/complete`, { method: 'POST', headers: operator });
    await until(() => heard, (text) => text.includes('"completed"'));
    leave.abort();
    expect(heard).toMatch(/event: ?session/);
  });

  test('X2 the log has neither query nor token', async () => {
    await ask('/r/a-very-secret-token?phone=79001234567');
    const log = await until(() => readFileSync(join(folder, 'kiosk.log'), 'utf8'), (text) => text.includes('/r/-'));
    expect(log).not.toMatch(/a-very-secret-token|79001234567/);
    for (const line of log.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ path: expect.any(String), httpStatus: expect.any(Number) });
  });
});

/** RFC 9457, with what every problem of ours has. */
function expectProblem({ status, headers, body }: Answer, expected: { status: number; reason: string }): void {
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  expect({ status, ...JSON.parse(body) as object }).toEqual({
    ...expected, type: `urn:kiosk:problem:${expected.reason}`, title: expect.any(String), detail: expect.any(String), requestId: expect.stringMatching(/./),
  });
}

type Asked = { method?: string; body?: string; from?: string; headers?: Record<string, string> };

async function send(open: (options: RequestOptions, told: (response: IncomingMessage) => void) => ClientRequest, { method = 'GET', body, from, headers = {} }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = open(
      { host: '127.0.0.1', method, localAddress: from, agent: false, headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }) } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString('utf8') }));
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}
