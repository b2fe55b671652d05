/** Whoever carries e-mail and text messages: that they answer, and know us, and have our money. Nothing is sent. */
import { createTransport } from 'nodemailer';
import { about, codeOf, type Finding } from './finding.ts';
import { ask, basic, isLoopback } from './outside.ts';
import type { Values } from './settings.ts';

const limitMs = 10_000;
/** About a day of text messages of a busy kiosk. */
const lowBalance = 300;

export async function checkEmail(values: Values): Promise<Finding[]> {
  return await Promise.all(chosen(values, 'EMAIL').map(async (provider) => {
    if (provider === 'smtp') return checkSmtp(values);
    if (provider === 'sendgrid') return checkSendGrid(values);
    return about('email').ok('written into the outbox, not sent');
  }));
}

export async function checkSms(values: Values): Promise<Finding[]> {
  return await Promise.all(chosen(values, 'SMS').map(async (provider) => {
    if (provider === 'smsc') return checkSmsc(values);
    if (provider === 'twilio') return checkTwilio(values);
    return about('sms').ok('written into the outbox, not sent');
  }));
}

function chosen(values: Values, channel: 'EMAIL' | 'SMS'): string[] {
  return [values.text(`${channel}_PROVIDER`), values.text(`${channel}_FALLBACK_PROVIDER`)].filter((name) => name !== '');
}

/** Greeting, STARTTLS, AUTH: everything but a message. */
async function checkSmtp(values: Values): Promise<Finding> {
  const { ok, fail } = about('email');
  const host = values.text('SMTP_HOST');
  const secure = values.text('SMTP_SECURE') === 'true';
  const port = values.isSet('SMTP_PORT') ? values.number('SMTP_PORT') : secure ? 465 : 587;
  const user = values.text('SMTP_USER');
  if (host === '') return fail('SMTP_HOST is not set', 'set it to the mail server');
  const transport = createTransport({
    host, port, secure, requireTLS: !secure && !isLoopback(host), tls: { minVersion: 'TLSv1.2', rejectUnauthorized: secure || !isLoopback(host) },
    auth: user === '' ? undefined : { user, pass: values.text('SMTP_PASS') },
    connectionTimeout: limitMs, greetingTimeout: limitMs, socketTimeout: limitMs, disableFileAccess: true, disableUrlAccess: true,
  });
  try {
    await transport.verify();
    return ok(`${host}:${port} greets us${secure ? ' under TLS' : ''}${user === '' ? '' : ` and takes the password of ${user}`}`);
  } catch (error) {
    const { code = '', responseCode, originalCode } = error as { code?: string; responseCode?: number; originalCode?: string };
    const where = `${host}:${port}`;
    if (code === 'EAUTH') return fail(`${where} does not take the password of ${user} (${responseCode ?? code})`, 'set SMTP_USER and SMTP_PASS; many servers want a password made for applications');
    if (code === 'ETLS' || responseCode === undefined && /CERT|SIGN|ALTNAME|TLS|SSL|EPROTO$/.test(originalCode ?? code)) {
      return fail(`${where} offers no TLS that can be trusted (${originalCode ?? code})`, secure ? 'is SMTP_PORT the one for TLS from the first byte (465)? Otherwise SMTP_SECURE=false; an own authority: NODE_EXTRA_CA_CERTS' : 'is SMTP_PORT the one for STARTTLS (587)? For 465 set SMTP_SECURE=true; an own authority: NODE_EXTRA_CA_CERTS');
    }
    if (responseCode !== undefined) return fail(`${where} sends us away with ${responseCode}`, 'its administrator knows why: is this machine\'s address allowed to send?');
    return fail(`${where} does not greet us (${originalCode ?? (code === '' ? codeOf(error) : code)})`, 'name and port right? Many providers close port 25 and 587 outwards until asked');
  } finally {
    transport.close();
  }
}

async function checkSendGrid(values: Values): Promise<Finding> {
  const { ok, warn, fail } = about('email');
  const answer = await ask(`${baseOf(values.text('SENDGRID_API_URL'))}/v3/scopes`, { headers: { authorization: `Bearer ${values.text('SENDGRID_API_KEY')}` } });
  if ('problem' in answer) return fail(`SendGrid does not answer: ${answer.problem}`, 'port 443 outwards must be open; https://status.sendgrid.com');
  if (answer.status === 401 || answer.status === 403) return fail('SendGrid does not take the key', 'set SENDGRID_API_KEY to one that is not revoked');
  if (answer.status !== 200) return warn(`SendGrid answers ${answer.status}`, 'try again later');
  const { scopes = [] } = answer.body as { scopes?: string[] };
  return scopes.includes('mail.send') ? ok('SendGrid takes the key, which may send') : fail('the key may not send', 'give it the permission Mail Send');
}

async function checkSmsc(values: Values): Promise<Finding> {
  const { ok, warn, fail } = about('sms');
  const answer = await ask(`${baseOf(values.text('SMSC_API_URL'))}/sys/balance.php`, {
    method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ login: values.text('SMSC_LOGIN'), psw: values.text('SMSC_PASSWORD'), fmt: '3' }).toString(),
  });
  if ('problem' in answer) return fail(`SMSC does not answer: ${answer.problem}`, 'port 443 outwards must be open; messages wait and go on by themselves');
  const { balance, error_code: code } = (answer.body ?? {}) as { balance?: string | number; error_code?: number };
  if (code === 2) return fail('SMSC does not take login and password', 'set SMSC_LOGIN and SMSC_PASSWORD');
  if (code === 4) return fail('SMSC has blocked this address', 'allow it in SMSC\'s office, or wait: too many wrong passwords block for a while');
  if (code !== undefined || balance === undefined) return warn(`SMSC does not tell the balance (${code ?? answer.status})`, 'try again later');
  return funds(Number(balance), `SMSC has ${balance} ₽ of ours`, { ok, warn, fail });
}

async function checkTwilio(values: Values): Promise<Finding> {
  const { ok, warn, fail } = about('sms');
  const sid = values.text('TWILIO_ACCOUNT_SID');
  const answer = await ask(`${baseOf(values.text('TWILIO_API_URL'))}/2010-04-01/Accounts/${encodeURIComponent(sid)}/Balance.json`, { headers: basic(sid, values.text('TWILIO_AUTH_TOKEN')) });
  if ('problem' in answer) return fail(`Twilio does not answer: ${answer.problem}`, 'port 443 outwards must be open; messages wait and go on by themselves');
  if (answer.status === 401) return fail('Twilio does not take account and token', 'set TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN');
  const { balance, currency } = (answer.body ?? {}) as { balance?: string; currency?: string };
  if (answer.status !== 200 || balance === undefined) return warn(`Twilio does not tell the balance (${answer.status})`, 'try again later');
  return funds(Number(balance), `Twilio has ${balance} ${currency} of ours`, { ok, warn, fail }, lowBalance / 50);
}

function funds(balance: number, says: string, { ok, warn, fail }: ReturnType<typeof about>, low = lowBalance): Finding {
  if (balance <= 0) return fail(says, 'top up: text messages wait until then');
  return balance < low ? warn(says, 'top up soon') : ok(says);
}

/** With or without the API's own first folder, as the services take it. */
function baseOf(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/(v3|sys|2010-04-01)$/, '');
}
