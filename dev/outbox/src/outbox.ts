/**
 * A pretend mail server and SMS gateway that keeps what was sent: real SMTP on two ports (STARTTLS, implicit TLS), and over HTTP the APIs of
 * SMSC under /sys, Twilio under /2010-04-01, SendGrid under /v3, the hands under /control, the pages at /. Faults are scripted and every step
 * is written down, so that it can serve as a test's oracle.
 */
import { createServer as createHttpServer } from 'node:http';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { NextFunction, Request, Response } from 'express';
import express from 'express';
import { caPath } from './certificates.ts';
import { controlRouter } from './control.ts';
import type { Told } from './delivery-reports.ts';
import { DeliveryReports } from './delivery-reports.ts';
import type { Fault, FaultInput, Reached } from './faults.ts';
import { Faults } from './faults.ts';
import type { Mail, Text } from './kept.ts';
import { Kept } from './kept.ts';
import { pagesRouter } from './pages.ts';
import { Port } from './port.ts';
import { Refusal } from './refusal.ts';
import { sendgridPublicKey, sendgridRouter } from './sendgrid.ts';
import { smscRouter } from './smsc.ts';
import { converse } from './smtp.ts';
import { Storage } from './storage.ts';
import { twilio } from './twilio.ts';

export { caPath } from './certificates.ts';
export type { Told } from './delivery-reports.ts';
export type { BadCertificate, FaultInput, FaultKind, Reached, Step } from './faults.ts';
export type { Mail, Text } from './kept.ts';
export { partsOf } from './parts.ts';
export { readMail } from './reading.ts';
export type { ReadMail } from './reading.ts';
export { sendgridPublicKey } from './sendgrid.ts';

export type OutboxOptions = {
  /** Each port: 0, the default, takes a free one. */
  smtpPort?: number;
  smtpsPort?: number;
  httpPort?: number;
  /** Default 127.0.0.1. On any other the services are reachable from outside; the hands and the pages are not. */
  host?: string;
  /** Both, or AUTH is not asked for and anything passes. Credentials are only taken over TLS. */
  smtpUser?: string;
  smtpPass?: string;
  /** Each credential below that is given has to be right; any other passes, but not none. */
  smscLogin?: string;
  /** Counts as `psw`, as its MD5 and as `apikey`. */
  smscPassword?: string;
  /** Rubles; default 1 000 000. A part costs 4.20. */
  smscBalance?: number;
  twilioSid?: string;
  /** Signs status callbacks; without it, the token that was last used does. */
  twilioToken?: string;
  sendgridKey?: string;
  /** Where SendGrid's events go; while there is none, they go nowhere. */
  sendgridWebhookUrl?: string | (() => string | undefined);
  /** Epoch ms; default is the machine's clock. */
  now?: () => number;
  /** A folder; what was sent survives a restart in its outbox.jsonl and mails/. Without it everything is in memory. */
  storagePath?: string;
};

export interface Outbox extends AsyncDisposable {
  readonly smtpPort: number;
  readonly smtpsPort: number;
  /** What SMSC's, Twilio's and SendGrid's clients take as their base: http://127.0.0.1:port */
  readonly httpUrl: string;
  /** A file in PEM: the authority of the mail server's certificate. */
  readonly caPath: string;
  /** SPKI in base64, always the same. */
  readonly sendgridPublicKey: string;
  /** Oldest first, like the texts and the journal. */
  mails(): readonly Mail[];
  texts(): readonly Text[];
  /** Every step that a client reached: connections, commands and calls, with the fault that befell them. */
  journal(): readonly Reached[];
  /** As if nothing had ever been sent. */
  forgetAll(): void;
  /**
   * A delivery report. For SMSC it is what status.php tells from now on (1 delivered, 20 undeliverable, …); for Twilio and SendGrid it is also
   * sent to the callback at once, once. `id` is the text's, or the mail's or its x-message-id. Fails with a `Refusal` for an unknown id or status.
   */
  deliver(id: string, status: string | number): Promise<Told>;
  /** Closes the ports and every connection: connection refused. Default: both. */
  down(part?: 'smtp' | 'http'): Promise<void>;
  /** The same ports again. */
  up(part?: 'smtp' | 'http'): Promise<void>;
  readonly faults: { add(fault: FaultInput): void; clear(): void; all(): readonly Fault[] };
}

export async function startOutbox(options: OutboxOptions = {}): Promise<Outbox> {
  const { host = '127.0.0.1', smtpUser, smtpPass, now = Date.now, sendgridWebhookUrl } = options;
  const faults = new Faults({ now });
  const kept = new Kept({ storage: new Storage({ folder: options.storagePath }) });
  const credentials = smtpUser === undefined || smtpPass === undefined ? undefined : { user: smtpUser, pass: smtpPass };
  const messages = twilio({ faults, kept, now, sid: options.twilioSid, token: options.twilioToken });
  const reports = new DeliveryReports({
    kept, twilio: messages, now, sendgridWebhookUrl: typeof sendgridWebhookUrl === 'function' ? sendgridWebhookUrl : () => sendgridWebhookUrl,
  });

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use('/sys', smscRouter({
    faults, kept, now, login: options.smscLogin, password: options.smscPassword, balance: options.smscBalance ?? 1_000_000,
  }));
  app.use('/2010-04-01', messages.router);
  app.use('/v3', sendgridRouter({ faults, kept, now, key: options.sendgridKey }));

  const conversing = (implicitTls: boolean) => (socket: Socket) => converse({ socket, implicitTls, faults, kept, now, credentials });
  const smtp = new Port({ server: createServer(), host, number: options.smtpPort ?? 0, accept: conversing(false) });
  const smtps = new Port({ server: createServer(), host, number: options.smtpsPort ?? 0, accept: conversing(true) });
  const http = new Port({ server: createHttpServer(app), host, number: options.httpPort ?? 0 });
  const portsOf = (part?: 'smtp' | 'http') => (part === 'http' ? [http] : part === 'smtp' ? [smtp, smtps] : [smtp, smtps, http]);

  const outbox: Outbox = {
    get smtpPort() {
      return smtp.number;
    },
    get smtpsPort() {
      return smtps.number;
    },
    // An address that listens everywhere is not one to call; loopback always is.
    get httpUrl() {
      return `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host}:${http.number}`;
    },
    caPath,
    sendgridPublicKey,
    mails: () => kept.mails(),
    texts: () => kept.texts(),
    journal: () => faults.journal,
    forgetAll: () => kept.forgetAll(),
    deliver: (id, status) => reports.deliver(id, status),
    async down(part) {
      await Promise.all(portsOf(part).map((port) => port.close()));
    },
    async up(part) {
      await Promise.all(portsOf(part).map((port) => port.open()));
    },
    faults,
    async [Symbol.asyncDispose]() {
      reports.close();
      await outbox.down();
    },
  };
  app.use('/control', controlRouter(outbox));
  app.use(pagesRouter({ kept, faults }));
  app.use(failed);
  await using undo = new AsyncDisposableStack();
  undo.use(outbox);
  await outbox.up();
  undo.move();
  return outbox;
}

/** Express knows an error handler by its four parameters. */
function failed(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  if (error instanceof Refusal) {
    response.status(error.status).json({ error: error.message });
    return;
  }
  const status = (error as { status?: unknown }).status;
  if (typeof status === 'number' && status < 500) {
    response.status(status).json({ error: 'The request cannot be read' });
    return;
  }
  console.error('the outbox failed', error);
  response.status(500).json({ error: 'Internal server error' });
}
