/** The outbox with a clock that stands still, and clients that speak to it over real SMTP and HTTP, for the tests beside. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { createTransport } from 'nodemailer';
import type { Outbox, OutboxOptions } from './outbox.ts';
import { startOutbox } from './outbox.ts';

export const startMs = Date.UTC(2026, 10, 20, 9);
/** How long the test's mail client waits for each answer: long, unless the test is about waiting. */
const PATIENCE_MS = 10_000;

export interface TestOutbox extends AsyncDisposable {
  readonly outbox: Outbox;
  advance(ms: number): void;
  mail(change?: MailChange): Promise<string>;
  form(path: string, fields: Record<string, string>, headers?: Record<string, string>): Promise<Answered>;
  json(path: string, body: unknown, headers?: Record<string, string>): Promise<Answered>;
  get(path: string, headers?: Record<string, string>): Promise<Answered>;
}

export type MailChange = {
  secure?: boolean; ignoreTLS?: boolean; user?: string; pass?: string; authMethod?: string; ca?: string; host?: string;
  to?: string[]; messageId?: string; subject?: string; text?: string; html?: string; attachment?: { filename: string; content: Buffer };
  patienceMs?: number;
};
export type Answered = { status: number; headers: Headers; text: string; body: Record<string, unknown> };

export async function startTestOutbox(options: OutboxOptions = {}): Promise<TestOutbox> {
  let nowMs = startMs;
  const outbox = await startOutbox({ now: () => nowMs, ...options });
  const trusted = readFileSync(outbox.caPath, 'utf8');

  return {
    outbox,
    advance: (ms) => {
      nowMs += ms;
    },
    mail: async (change = {}) => {
      const {
        secure = false, ignoreTLS = false, user, pass = 'pass', authMethod, ca = trusted, host = '127.0.0.1', patienceMs = PATIENCE_MS,
        attachment, ...message
      } = change;
      const transport = createTransport({
        host, port: secure ? outbox.smtpsPort : outbox.smtpPort, secure, ignoreTLS, requireTLS: !secure && !ignoreTLS, authMethod, tls: { ca },
        auth: user === undefined ? undefined : { user, pass },
        connectionTimeout: patienceMs, greetingTimeout: patienceMs, socketTimeout: patienceMs,
      });
      try {
        const { response } = await transport.sendMail({
          from: 'kiosk@example.org', to: ['client@example.org'], subject: 'Отчёт', text: 'Готово.', messageId: '<d1@kiosk>',
          attachments: attachment === undefined ? [] : [attachment], ...message,
        });
        return response;
      } finally {
        transport.close();
      }
    },
    form: (path, fields, headers = {}) => call(path, { method: 'POST', body: new URLSearchParams(fields), headers }),
    json: (path, body, headers = {}) =>
      call(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }),
    get: (path, headers = {}) => call(path, { headers }),
    [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose]() as Promise<void>,
  };

  async function call(path: string, init: RequestInit): Promise<Answered> {
    const response = await fetch(`${outbox.httpUrl}${path}`, { redirect: 'manual', ...init });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) as Record<string, unknown> };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Heard = { headers: IncomingHttpHeaders; body: string };

/** A service's webhook: what was said to it. */
export async function startListener(status = 200): Promise<AsyncDisposable & { url: string; heard: Heard[] }> {
  const heard: Heard[] = [];
  const server = createServer((request, response) => {
    void request.toArray().then((chunks) => {
      heard.push({ headers: request.headers, body: Buffer.concat(chunks as Buffer[]).toString() });
      response.writeHead(status).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=1`,
    heard,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Waits for something that happens on the other side of a socket. */
export async function until(holds: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + 10_000; !holds();) {
    if (performance.now() > deadlineMs) throw new Error('It never came');
    await setImmediate();
  }
}
