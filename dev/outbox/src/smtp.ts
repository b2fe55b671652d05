/**
 * One SMTP conversation. Each connection has an SMTP server of its own, which never listens, so that its certificate and its faults are its own.
 * A fault strikes before the server's own handler of the command; hanging is simply never answering.
 */
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { SMTPServerDataStream, SMTPServerSession } from 'smtp-server';
import { SMTPServer } from 'smtp-server';
import type { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { certificate } from './certificates.ts';
import type { Fault, Faults, Step } from './faults.ts';
import type { Kept } from './kept.ts';

const SIZE_LIMIT_BYTES = 25 * 1024 * 1024;
/** Longer than any client waits, so that whoever hangs up first is the client. */
const IDLE_LIMIT_MS = 24 * 3600_000;
const GARBAGE = 'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n';

const COMMANDS = [
  ['EHLO', 'ehlo'], ['HELO', 'ehlo'], ['STARTTLS', 'starttls'], ['AUTH', 'auth'], ['MAIL', 'mail'], ['RCPT', 'rcpt'], ['DATA', 'data'],
] as const satisfies [string, Step][];

/** What a server says that refuses at this step. */
const REFUSALS: Readonly<Partial<Record<Step, [code: number, text: string]>>> = {
  greeting: [554, '5.3.2 No SMTP service here'],
  ehlo: [502, '5.5.1 Command not implemented'],
  starttls: [454, '4.7.0 TLS not available due to temporary reason'],
  auth: [535, '5.7.8 Authentication credentials invalid'],
  mail: [550, '5.1.8 Sender address rejected'],
  rcpt: [550, '5.1.1 No such mailbox'],
  data: [554, '5.5.1 Transaction failed'],
  after_data: [554, '5.7.1 Message refused'],
};
const USUAL_TEXTS: Readonly<Record<number, string>> = {
  421: '4.3.2 Service not available, closing transmission channel',
  450: '4.2.0 Mailbox unavailable, try again later',
  451: '4.3.0 Local error in processing',
  452: '4.2.2 Insufficient system storage',
  550: '5.1.1 Mailbox unavailable',
  552: '5.2.2 Exceeded storage allocation',
  553: '5.1.3 Mailbox name not allowed',
  554: '5.6.0 Transaction failed',
};

export type SmtpOptions = {
  faults: Faults;
  kept: Kept;
  now: () => number;
  /** With it, nothing is taken without it; without it, any credentials are right and none are needed. */
  credentials: { user: string; pass: string } | undefined;
};

/** `implicitTls`: the handshake comes first. Gives back how to cut the conversation. */
export function converse({ socket, implicitTls, ...options }: SmtpOptions & { socket: Socket; implicitTls: boolean }): () => void {
  const { faults, kept, now, credentials } = options;
  /** The topmost: the raw socket, or the TLS upon it. */
  let top: Socket | TLSSocket = socket;
  // A client that goes away is its own affair, and many faults make it do so.
  socket.on('error', () => undefined);
  const connectFault = faults.reach({ on: 'connect' });
  if (connectFault !== undefined) return disturbAtOnce(connectFault);
  const handshakeFault = implicitTls ? faults.reach({ on: 'starttls' }) : undefined;
  if (handshakeFault !== undefined && handshakeFault.kind !== 'bad_tls') return disturbAtOnce(handshakeFault);

  const smtp = new SMTPServer({
    ...certificate(handshakeFault?.certificate ?? 'good'),
    secure: implicitTls,
    minVersion: 'TLSv1.2',
    name: 'outbox.localhost',
    authMethods: ['PLAIN', 'LOGIN'],
    authOptional: credentials === undefined,
    size: SIZE_LIMIT_BYTES,
    rejectOversized: true,
    socketTimeout: IDLE_LIMIT_MS,
    disableReverseLookup: true,
    logger: false,
    onConnect(_session, callback) {
      const fault = faults.reach({ on: 'greeting' });
      if (fault === undefined) return callback();
      const refusal = refusalOf(fault);
      if (refusal === undefined) disturb(fault);
      else callback(refusal);
    },
    onSecure(secured, _session, callback) {
      top = secured;
      callback();
    },
    onAuth({ username, password }, _session, callback) {
      const isRight = credentials === undefined || (username === credentials.user && password === credentials.pass);
      if (isRight) callback(null, { user: username });
      else callback(smtpError(...REFUSALS.auth!));
    },
    onData: (stream, session, callback) => void take(stream, session, callback),
  });
  smtp.on('error', () => undefined); // as above
  const connect = smtp.connect.bind(smtp);
  smtp.connect = (ready, details) => {
    top = ready;
    connect(ready, details);
    for (const connection of smtp.connections) listenIn(connection);
  };
  smtp.server.emit('connection', socket);
  return () => {
    // Node crashes when the socket under a handshake is destroyed before the handshake is; this destroys the handshake.
    smtp.close();
    top.destroy();
  };

  function listenIn(connection: SMTPConnection): void {
    for (const [command, on] of COMMANDS) {
      const handle = connection[`handler_${command}`].bind(connection);
      connection[`handler_${command}`] = (line, callback) => {
        const recipients = on === 'rcpt' ? [/<([^>]*)>/.exec(line.toString())?.[1] ?? ''] : mailboxes(connection.session);
        const fault = faults.reach({ on, recipients });
        if (fault?.kind === 'bad_tls') smtp.updateSecureContext(certificate(fault.certificate));
        if (fault === undefined || fault.kind === 'bad_tls') return handle(line, callback);
        const refusal = refusalOf(fault);
        if (on === 'starttls' && fault.kind === 'garbage') {
          // Instead of the handshake, not of the leave to begin it.
          socket.once('data', () => disturb(fault));
          return connection.send(220, 'Ready to start TLS');
        }
        if (refusal === undefined) return disturb(fault);
        connection.send(refusal.responseCode, refusal.message);
        if (refusal.responseCode !== 421) callback();
      };
    }
  }

  async function take(stream: SMTPServerDataStream, session: SMTPServerSession, callback: (error?: Error) => void): Promise<void> {
    const raw = await stream.toArray().then((chunks) => Buffer.concat(chunks as Buffer[])).catch(() => undefined);
    if (raw === undefined) return; // the client went away in the middle of the message
    const to = mailboxes(session);
    const fault = faults.reach({ on: 'after_data', recipients: to });
    const refusal = fault && refusalOf(fault);
    if (refusal !== undefined) return callback(refusal);
    if (fault !== undefined && fault.kind !== 'accept_then_drop' && fault.kind !== 'accept_then_hang') return disturb(fault);
    if (!stream.sizeExceeded) {
      const { mailFrom } = session.envelope;
      const user = typeof session.user === 'string' ? session.user : undefined;
      kept.keepMail({
        provider: 'smtp', from: mailFrom === false ? '' : mailFrom.address, to, raw, messageId: messageIdOf(raw), at: now(),
        tls: session.secure, user,
      });
    }
    if (fault?.kind === 'accept_then_drop') top.destroy();
    else if (fault === undefined) callback();
  }

  function disturbAtOnce(fault: Fault): () => void {
    disturb(fault);
    return () => socket.destroy();
  }

  /** What a fault does that is not a refusal. */
  function disturb(fault: Fault): void {
    if (fault.kind === 'hang') return;
    if (fault.kind === 'reset') socket.resetAndDestroy();
    else if (fault.kind === 'garbage') top.write(GARBAGE);
    else top.end(); // refuse, too_many, … where there are no words yet
  }
}

function refusalOf({ kind, on, code, text }: Fault): (Error & { responseCode: number }) | undefined {
  const usual = REFUSALS[on];
  if (kind === 'refuse' && usual !== undefined) return smtpError(...usual);
  if (kind === 'too_many') return smtpError(421, '4.7.0 Too many connections, try again later');
  if (kind === 'error_500') return smtpError(451, USUAL_TEXTS[451]!);
  if (kind === 'greylist') return smtpError(450, '4.2.0 Greylisted, try again later');
  if (kind === 'reply' && code !== undefined) return smtpError(code, text ?? USUAL_TEXTS[code] ?? 'Refused');
  return undefined;
}

function smtpError(responseCode: number, message: string): Error & { responseCode: number } {
  return Object.assign(new Error(message), { responseCode });
}

function mailboxes(session: SMTPServerSession): string[] {
  return session.envelope?.rcptTo.map((one) => one.address) ?? [];
}

function messageIdOf(raw: Buffer): string {
  const [header = ''] = raw.toString('latin1').split(/\r?\n\r?\n/, 1);
  return /^message-id:\s*(<[^>]*>)/im.exec(header)?.[1] ?? '';
}
