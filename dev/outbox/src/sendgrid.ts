/** SendGrid's Mail Send v3 (https://www.twilio.com/docs/sendgrid/api-reference/mail-send) and its signed events. */
import { createPrivateKey, createPublicKey, randomBytes, randomUUID, sign } from 'node:crypto';
import type { Router } from 'express';
import express from 'express';
import { z } from 'zod';
import type { Answer } from './answering.ts';
import { answer, send } from './answering.ts';
import { sendgridKey } from './certificates.ts';
import type { Fault, Faults } from './faults.ts';
import type { Kept, Mail } from './kept.ts';

export const SENDGRID_EVENTS = ['processed', 'deferred', 'delivered', 'bounce', 'dropped', 'open', 'click', 'spamreport'] as const;
const REASONS: Readonly<Record<string, string>> = {
  deferred: '450 4.2.0 Try again later', bounce: '550 5.1.1 The mailbox does not exist', dropped: 'Bounced Address',
};

const person = z.object({ email: z.email().max(320), name: z.string().optional() });
const people = z.array(person).min(1);
const customArgs = z.record(z.string(), z.string());
const withoutControls = z.string().min(1).regex(/^[^\0\r\n]*$/);
export const sendgridMail = z.object({
  personalizations: z.array(z.object({
    to: people, cc: people.optional(), bcc: people.optional(), subject: withoutControls.optional(), custom_args: customArgs.optional(),
  })).min(1).max(1000),
  from: person,
  subject: withoutControls,
  content: z.array(z.object({ type: z.string().min(1), value: z.string().min(1) })).min(1),
  attachments: z.array(z.object({
    content: z.base64(), filename: withoutControls, type: z.string().optional(), disposition: z.enum(['attachment', 'inline']).optional(),
  })).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  custom_args: customArgs.optional(),
});

/** SPKI in base64, as SendGrid shows it in its settings. */
export const sendgridPublicKey = createPublicKey(sendgridKey()).export({ type: 'spki', format: 'der' }).toString('base64');

export function sendgridRouter({ faults, kept, now, key }: {
  faults: Faults;
  kept: Kept;
  now: () => number;
  /** Absent: any key is right. */
  key: string | undefined;
}): Router {
  const router = express.Router();
  router.use(express.raw({ type: () => true, limit: '30mb' }));
  router.use((request, response, next) => {
    const [, bearer = ''] = /^Bearer (.+)$/.exec(request.get('authorization') ?? '') ?? [];
    if (bearer === '' || (key !== undefined && bearer !== key)) {
      return send(response, errors(401, 'The provided authorization grant is invalid, expired, or revoked'));
    }
    next();
  });
  router.get('/scopes', (_request, response) => send(response, { status: 200, json: { scopes: ['mail.send'] } }));
  router.post('/mail/send', (request, response) => {
    const raw = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const mail = sendgridMail.safeParse(jsonOf(raw));
    const to = mail.data?.personalizations.flatMap((one) => [...one.to, ...one.cc ?? [], ...one.bcc ?? []]).map((one) => one.email) ?? [];
    const fault = faults.reach({ on: 'sendgrid', recipients: to });
    answer({ response, fault, perform, refusal });

    function perform(): Answer {
      if (!mail.success) {
        const issue = mail.error.issues[0];
        return errors(400, issue?.message ?? 'Bad Request', issue?.path.map(String).join('.') || null);
      }
      const messageId = randomBytes(16).toString('base64url').slice(0, 22);
      kept.keepMail({ provider: 'sendgrid', from: mail.data.from.email, to, raw, messageId, at: now(), tls: false, status: 'processed' });
      return { status: 202, headers: { 'x-message-id': messageId } };
    }
  });
  return router;
}

type SignedEvents = { body: string; timestamp: string; signature: string };

/** A batch with one event for each recipient, signed. `at`: epoch ms. */
export function sendgridEvents({ mail, event, at }: { mail: Mail; event: string; at: number }): SignedEvents {
  const timestamp = String(Math.floor(at / 1000));
  const sent = sendgridMail.parse(JSON.parse(mail.raw.toString()));
  const body = JSON.stringify(mail.to.map((email) => ({
    ...sent.custom_args,
    ...sent.personalizations.find((one) => one.to.some((to) => to.email === email))?.custom_args,
    email,
    timestamp: Number(timestamp),
    event,
    sg_event_id: randomUUID(),
    // The real one begins with x-message-id, and goes on.
    sg_message_id: `${mail.messageId}.recvd-outbox-1`,
    ...(REASONS[event] === undefined ? {} : { reason: REASONS[event] }),
  })));
  return { body, timestamp, signature: sign('sha256', Buffer.from(timestamp + body), createPrivateKey(sendgridKey())).toString('base64') };
}

function refusal({ kind, code, text }: Fault): Answer {
  switch (kind) {
    case 'too_many': return errors(429, text ?? 'too many requests');
    case 'error_500': return errors(500, text ?? 'Internal Server Error');
    case 'reply': return errors(code ?? 400, text ?? 'Refused');
    default: return errors(403, text ?? 'The from address does not match a verified Sender Identity.', 'from');
  }
}

function errors(status: number, message: string, field: string | null = null): Answer {
  return { status, json: { errors: [{ message, field, help: null }] } };
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString());
  } catch {
    return undefined; // the schema refuses it
  }
}
