/** The page of the outbox: what was sent, and the hands of control.ts. Server-rendered, no script. */
import { BAD_CERTIFICATES, FAULT_KINDS, STEPS } from './faults.ts';
import type { Fault, Reached } from './faults.ts';
import type { Html } from './html.ts';
import { html } from './html.ts';
import type { Mail, Text } from './kept.ts';
import type { ReadMail } from './reading.ts';
import { SENDGRID_EVENTS } from './sendgrid.ts';
import { SMSC_STATUSES } from './smsc.ts';
import { TWILIO_STATUSES } from './twilio.ts';

const ROWS_SHOWN = 50;

const STYLE = html`<style>
  body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222 }
  h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .4rem } table { border-collapse: collapse }
  th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
  th { color: #666; font-weight: 500 } td:first-child { white-space: nowrap } form { display: inline-block; margin: 0 .5rem .2rem 0 }
  input, select, button { font: inherit } input { width: 8rem } .scroll { overflow-x: auto }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #f6f6f6; padding: .8rem }
</style>`;

export function page({ mails, texts, faults, journal }: {
  mails: readonly { mail: Mail; subject: string }[];
  texts: readonly Text[];
  faults: readonly Fault[];
  journal: readonly Reached[];
}): string {
  return framed('Pretend mail and SMS', html`<h1>Pretend mail and SMS</h1>
<div><a href="/">Refresh</a> ${form('/control/forget', undefined, 'Forget all')}
${form('/control/smtp/down', undefined, 'Mail server down')}${form('/control/smtp/up', undefined, 'Mail server up')}</div>
<h2>Mails</h2>${table(['at', 'by', 'from', 'to', 'subject', 'status', ''], mails.map(mailRow))}
<h2>Texts</h2>${table(['at', 'by', 'from', 'to', 'text', 'parts', 'status', ''], newest(texts).map(textRow))}
<h2>Faults</h2>${faultsForm()}
${table(['step', 'kind', 'left', 'code', 'recipient'], faults.map((one) => row(one.on, one.kind, one.times, one.code, one.recipient)))}
${form('/control/faults/clear', undefined, 'Clear faults')}
<h2>Journal</h2>${table(['at', 'step', 'by', 'recipients', 'fault'], newest(journal).map((one) =>
  row(timeOf(one.at), one.on, one.provider, one.recipients.join(', '), one.fault)))}`);
}

/** The newest first, as many as are shown. */
export function newest<T>(all: readonly T[]): T[] {
  return all.slice(-ROWS_SHOWN).toReversed();
}

export function mailPage(mail: Mail, { subject, from, to, text, html: source, attachments }: ReadMail): string {
  const address = `/mails/${mail.id}`;
  return framed(subject, html`<p><a href="/">All mails</a> · <a href="${address}/raw">As it came</a></p><h1>${subject}</h1>
${table(['', ''], [
  row('From', from), row('To', to), row('Envelope', `${mail.from} → ${mail.to.join(', ')}`), row('Message-ID', mail.messageId),
  row('At', timeOf(mail.at)), row('TLS', mail.tls ? 'yes' : 'no'), row('User', mail.user),
])}
${attachments.length === 0 ? undefined : html`<h2>Attachments</h2><ul>${attachments.map(({ filename, contentType, content }, index) =>
  html`<li><a href="${address}/attachments/${index}">${filename}</a> ${contentType}, ${content.length} bytes</li>`)}</ul>`}
${text === undefined ? undefined : html`<h2>Text</h2><pre>${text}</pre>`}
${source === undefined ? undefined : html`<h2>HTML</h2><p><a href="${address}/html">As it looks</a></p><pre>${source}</pre>`}`);
}

function mailRow({ mail, subject }: { mail: Mail; subject: string }): Html {
  const link = html`<a href="/mails/${mail.id}">${subject === '' ? '(no subject)' : subject}</a>`;
  return row(timeOf(mail.at), mail.provider, mail.from, mail.to.join(', '), link, mail.status,
    mail.provider === 'sendgrid' ? reportForm(mail.id, SENDGRID_EVENTS, 'delivered') : undefined);
}

function textRow(text: Text): Html {
  const statuses = text.provider === 'smsc' ? SMSC_STATUSES : TWILIO_STATUSES;
  return row(timeOf(text.at), text.provider, text.from, text.to, linked(text.body), text.parts, text.status,
    reportForm(text.id, statuses, text.provider === 'smsc' ? 1 : 'delivered'));
}

/** A text with its addresses as links: what a customer's phone makes of it. */
function linked(body: string): Html {
  const pieces = body.split(/(https?:\/\/\S+)/);
  return html`${pieces.map((piece, index) => (index % 2 === 1 ? html`<a href="${piece}" rel="noreferrer">${piece}</a>` : html`${piece}`))}`;
}

function reportForm(id: string, statuses: readonly (string | number)[], chosen: string | number): Html {
  return form('/control/deliver', html`<input type="hidden" name="id" value="${id}">${select('status', statuses, chosen)}`, 'Report');
}

function faultsForm(): Html {
  return html`<form method="post" action="/control/faults">${select('on', Object.keys(STEPS), 'after_data')}
  <select name="kind">${Object.entries(FAULT_KINDS).map(([kind, says]) => html`<option value="${kind}">${kind}: ${says}</option>`)}</select>
  <input name="code" placeholder="code, for reply"> <input name="times" placeholder="times, always">
  <input name="recipient" placeholder="recipient"> ${select('certificate', BAD_CERTIFICATES, 'expired')} <button>Add</button></form>`;
}

function form(action: string, fields: Html | undefined, button: string): Html {
  return html`<form method="post" action="${action}">${fields} <button>${button}</button></form>`;
}

function select(name: string, options: readonly (string | number)[], chosen: string | number): Html {
  return html`<select name="${name}">${options.map((one) =>
    (one === chosen ? html`<option selected>${one}</option>` : html`<option>${one}</option>`))}</select>`;
}

function table(heads: readonly string[], rows: readonly Html[]): Html {
  if (rows.length === 0) return html`<p>None.</p>`;
  return html`<div class="scroll"><table><tr>${heads.map((head) => html`<th>${head}</th>`)}</tr>${rows}</table></div>`;
}

function row(...cells: (string | number | Html | undefined)[]): Html {
  return html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
}

function framed(title: string, body: Html): string {
  return html`<!doctype html><html lang="en"><meta charset="utf-8"><title>${title}</title>${STYLE}<body>
${body}
</body></html>`.text;
}

/** To the second, which is what an eye needs. */
function timeOf(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ');
}
