/**
 * E-mail by SMTP (RFC 5321) over TLS. A 4xx is "later" and a 5xx "no" where they are about this message; where they are about us, our credentials or
 * the server as a whole, the message can wait. Once the whole message has left and no answer came, nobody knows (RFC 5321, 4.5.3.2.6, 6.1).
 */
import { createTransport, type NodemailerError } from 'nodemailer';
import type { Readable } from 'node:stream';
import type { Email } from './email.ts';
import { mimeOf } from './mime.ts';
import { SendError, type SendErrorKind, type SendErrorReason } from './send-error.ts';

export type SmtpOptions = {
  host: string;
  port: number;
  /** Both or neither. */
  user?: string;
  pass?: string;
  /**
   * implicit: TLS from the first byte (port 465). starttls: nothing is sent before STARTTLS. loopback: STARTTLS where the server has it, with whatever
   * certificate, because nobody stands between.
   */
  security: 'implicit' | 'starttls' | 'loopback';
  /** PEM: trusted instead of the usual authorities. */
  ca?: string;
  /** How many connections are kept: as many as send at a time. */
  connections: number;
  timeouts?: SmtpTimeouts;
};

export type SmtpTimeouts = {
  /** From looking up the name to the end of STARTTLS. */
  connectMs: number;
  /** For the greeting. */
  greetingMs: number;
  /** For each answer after that, the one to the whole message included. */
  answerMs: number;
};

/** Together less than the worker gives an attempt, so that what is known here is not lost to its own limit. */
const usualTimeouts: SmtpTimeouts = { connectMs: 10_000, greetingMs: 10_000, answerMs: 15_000 };
/** Shorter than any server's patience, so that a connection is closed by us rather than under a message. */
const idleMs = 5000;

export function createSmtpEmail({ host, port, user, pass, security, ca, connections, timeouts = usualTimeouts }: SmtpOptions): Email & AsyncDisposable {
  const transport = createTransport({
    pool: true, maxConnections: connections, idleTimeout: Math.min(idleMs, timeouts.answerMs / 2),
    // Only ever repeats what had not begun to leave: a connection that the server had closed meanwhile.
    maxRequeues: 1,
    host, port, secure: security === 'implicit', requireTLS: security === 'starttls',
    tls: { minVersion: 'TLSv1.2', ca, rejectUnauthorized: security !== 'loopback' },
    auth: user === undefined || pass === undefined ? undefined : { user, pass },
    connectionTimeout: timeouts.connectMs, greetingTimeout: timeouts.greetingMs, socketTimeout: timeouts.answerMs,
    disableFileAccess: true, disableUrlAccess: true,
  }, { disableFileAccess: true, disableUrlAccess: true });

  // By Message-ID, which is under way once at a time: the message's bytes, as the connection reads them.
  const leaving = new Map<string, Readable>();
  transport.use('stream', ({ message, data }, done) => {
    const open = message.createReadStream.bind(message);
    message.createReadStream = (options) => {
      const bytes = open(options);
      leaving.set(String(data.messageId), bytes);
      return bytes;
    };
    done();
  });

  return {
    async send(message, { signal }) {
      const { messageId, from, to } = message;
      try {
        await transport.sendMail({ ...mimeOf(message), envelope: { from: from.address, to: [to] }, signal });
        return {};
      } catch (error) {
        // The connection has read the whole message, so its final dot is on the way or there.
        throw sendErrorOf(error as NodemailerError, { hasLeft: leaving.get(messageId)?.readableEnded ?? false });
      } finally {
        leaving.delete(messageId);
      }
    },
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
}

const certificateTrouble = /CERT|SIGNED|LEAF_SIGNATURE|^ERR_TLS_|^ERR_SSL_|^EPROTO$/;

/** The server's own words go no further: they repeat the recipient. */
function sendErrorOf({ code = 'unknown', originalCode, responseCode, response = '', command = 'connection' }: NodemailerError, { hasLeft }: { hasLeft: boolean }): SendError {
  const cause = Object.assign(new Error(`SMTP: ${command}`), { code: responseCode ?? originalCode ?? code });
  const as = (kind: SendErrorKind, reason: SendErrorReason): SendError => new SendError({ kind, reason, cause });
  if (responseCode !== undefined && responseCode >= 400 && responseCode <= 599) return answerOf({ code, responseCode, response, command }, as);
  if (hasLeft) return as('ambiguous', code === 'ETIMEDOUT' || code === 'EABORT' ? 'timeout' : code === 'EMESSAGE' || code === 'EPROTOCOL' ? 'answer_unreadable' : 'connection_lost');
  if (code === 'EAUTH') return as('temporary', 'credentials_refused');
  if (code === 'ETLS' || certificateTrouble.test(originalCode ?? '')) return as('temporary', 'connection_insecure');
  return as('temporary', 'provider_unavailable');
}

function answerOf(
  { code, responseCode, response, command }: { code: string; responseCode: number; response: string; command: string }, as: (kind: SendErrorKind, reason: SendErrorReason) => SendError,
): SendError {
  const isPermanent = responseCode >= 500;
  if (code === 'EAUTH') return as('temporary', isPermanent ? 'credentials_refused' : 'provider_unavailable');
  if (code === 'ETLS') return as('temporary', isPermanent ? 'connection_insecure' : 'provider_unavailable');
  // 530: it wants credentials that it was not given (RFC 4954).
  if (responseCode === 530) return as('temporary', 'credentials_refused');
  // About the server, whatever was asked (RFC 5321, 3.8); and 503 is about the order of commands.
  const isAboutMessage = code === 'EENVELOPE' || code === 'EMESSAGE';
  if (responseCode === 421 || responseCode === 503 || !isAboutMessage) return as('temporary', 'provider_unavailable');
  if (!isPermanent) return as('temporary', 'recipient_deferred');
  // A refused sender is our own setting, and would refuse every other message too; 552 there is this message's size (RFC 1870).
  if (command === 'MAIL FROM') return responseCode === 552 ? as('permanent', 'message_refused') : as('temporary', 'sender_refused');
  if (command === 'RCPT TO') return isAboutUs(response) ? as('temporary', 'sender_refused') : as('permanent', 'recipient_refused');
  return as('permanent', 'message_refused');
}

/**
 * Whether a recipient is refused because of us. Servers such as Postfix say only at RCPT what they have against the sender or the client, under 5.7.1
 * (RFC 3463), which is also a recipient's own policy: only the words tell. Where they tell nothing it is the recipient's, so that the other channel is tried.
 */
function isAboutUs(response: string): boolean {
  const [, enhanced] = /^\d{3}[ -](5\.\d{1,3}\.\d{1,3})\b/.exec(response) ?? [];
  // A bad sender's address.
  if (enhanced === '5.1.7' || enhanced === '5.1.8') return true;
  if (enhanced !== undefined && !enhanced.startsWith('5.7.')) return false;
  const words = response.replaceAll(/\S*@\S*/g, '');
  return /\brelay/i.test(words) || (/\b(sender|client host|helo command)\b/i.test(words) && !/\brecipient\b/i.test(words));
}
