/** The operator's page of the shop: what there is, and buttons for the hands in control.ts. Server-rendered, no script. */
import type { Html } from './html.ts';
import { html } from './html.ts';
import { CALLS, FAULT_KINDS } from './faults.ts';
import type { JournalEntry } from './journal.ts';
import type { PspNotification } from './notifications.ts';
import type { PspPayment, PspRefund } from './objects.ts';
import { PAYMENT_CANCEL_REASONS, REFUND_CANCEL_REASONS } from './objects.ts';
import type { Settings } from './settings.ts';
import type { Shop } from './shop.ts';

const ROWS_SHOWN = 30;

const STYLE = html`<style>
  body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color: #222 }
  h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin: 1.5rem 0 .4rem } table { border-collapse: collapse }
  th, td { text-align: left; white-space: nowrap; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #ddd; vertical-align: top }
  th { color: #666; font-weight: 500 } code { font-size: 12px; white-space: nowrap } form { display: inline-block; margin: 0 .5rem .2rem 0 }
  input, select, button { font: inherit } input { width: 7rem } .scroll { overflow-x: auto }
  .pending, .waiting, .waiting_for_capture { color: #9a6700 } 
  .succeeded, .received { color: #1a7f37 } .canceled, .dropped, .given_up { color: #b42318 }
</style>`;

export function page({ payments, refunds, notifications, faults, notificationFaults, journal, settings, clock }: Shop): string {
  return html`<!doctype html><html lang="en"><meta charset="utf-8"><title>Pretend YooKassa</title>${STYLE}<body>
<h1>Pretend YooKassa</h1>
<div>${timeOf(clock.now())} UTC ${form('/control/clock', html`<select name="advanceMs">
  <option value="60000">1 minute</option><option value="600000">10 minutes</option><option value="3600000">1 hour</option>
  <option value="86400000">24 hours</option></select>`, 'Wind the clock on')} <a href="/">Refresh</a></div>
<h2>Payments</h2>${table(['created', 'id', 'amount', 'status', 'description', ''], newest(payments.all()).map(paymentRow))}
<h2>Refunds</h2>${table(['created', 'id', 'amount', 'status', 'payment', ''], newest(refunds.all()).map(refundRow))}
<h2>Faults</h2>${faultsForm()}
${table(['call', 'kind', 'left', 'delay', 'payment'], faults.all().map((fault) =>
  row(fault.call, fault.kind, fault.times, fault.delayMs, fault.paymentId)))}
${form('/control/faults/clear', undefined, 'Clear faults')}
<h2>Faults of notifications</h2>${notificationFaultsForm()}
${table(['kind', 'left', 'object'], notificationFaults.all().map((fault) => row(fault.kind, fault.times, fault.objectId)))}
${form('/control/notification-faults/clear', undefined, 'Clear faults of notifications')}
<h2>Notifications</h2>${form('/control/notifications/deliver', undefined, 'Deliver what is due')}
${table(['created', 'event', 'object', 'state', 'attempts', 'next'], newest(notifications.all).map(notificationRow))}
<h2>Settings</h2>${(Object.keys(settings) as (keyof Settings)[]).map((name) => settingForm(name, settings[name]))}
<h2>Journal</h2>${table(['time', 'call', 'path', 'key', 'fault', 'deed', 'answer'], newest(journal.entries).map(journalRow))}
</body></html>`.text;
}

function paymentRow(payment: PspPayment): Html {
  const { id, status, amount, cancellation_details: cancellation, refunded_amount: refunded } = payment;
  const said = cancellation ? ` (${cancellation.reason})` : refunded ? ` (refunded ${refunded.value})` : '';
  return row(timeOf(payment.created_at), code(id), `${amount.value} ${amount.currency}`, statusOf(status, said), payment.description, html`${[
    ...(status === 'pending' ? [form(`/control/payments/${id}/pay`, undefined, 'Pay')] : []),
    ...(status === 'waiting_for_capture' ? [form(`/control/payments/${id}/capture`, undefined, 'Capture')] : []),
    ...(status === 'pending' || status === 'waiting_for_capture'
      ? [form(`/control/payments/${id}/decline`, select('reason', PAYMENT_CANCEL_REASONS, 'general_decline'), 'Decline'),
        form(`/control/payments/${id}/expire`, undefined, 'Expire')]
      : [form(`/control/objects/${id}/notify`, undefined, 'Notify again')]),
  ]}`);
}

function refundRow(refund: PspRefund): Html {
  const { id, status, amount, cancellation_details: cancellation } = refund;
  const said = cancellation ? ` (${cancellation.reason})` : '';
  return row(timeOf(refund.created_at), code(id), `${amount.value} ${amount.currency}`, statusOf(status, said), code(refund.payment_id), html`${
    status === 'pending'
      ? [form(`/control/refunds/${id}/settle`, undefined, 'Settle'),
        form(`/control/refunds/${id}/cancel`, select('reason', REFUND_CANCEL_REASONS, 'rejected_by_timeout'), 'Cancel')]
      : []}`);
}

function notificationRow(one: PspNotification): Html {
  const attempts = one.attempts.map((attempt) => attempt.status ?? attempt.error).join(', ');
  return row(timeOf(one.createdAtMs), one.event, code(one.objectId), statusOf(one.state), attempts,
    one.state === 'waiting' ? timeOf(one.dueAtMs) : undefined);
}

function journalRow(entry: JournalEntry): Html {
  const { deed, answer } = entry;
  return row(timeOf(entry.atMs), entry.call, code(`${entry.method} ${entry.path}`), code(entry.idempotenceKey ?? ''), entry.fault,
    deed && html`${deed.did} ${deed.object} ${code(deed.id)}`, answer ? `${answer.status} ${answer.code ?? ''}` : 'none');
}

function faultsForm(): Html {
  return html`<form method="post" action="/control/faults">
  ${select('call', ['any', ...CALLS], 'any')}
  <select name="kind">${Object.entries(FAULT_KINDS).map(([kind, { says }]) => html`<option value="${kind}">${kind}: ${says}</option>`)}</select>
  <input name="times" placeholder="times, always"> <input name="delayMs" placeholder="delay, ms">
  <input name="paymentId" placeholder="payment id"> <button>Add</button></form>`;
}

function notificationFaultsForm(): Html {
  return html`<form method="post" action="/control/notification-faults">
  ${select('kind', ['duplicate', 'reordered', 'dropped', 'late'], 'dropped')}
  <input name="times" placeholder="times, always"> <input name="copies" placeholder="copies"> <input name="delayMs" placeholder="late by, ms">
  <input name="objectId" placeholder="object id"> <button>Add</button></form>`;
}

function settingForm(name: keyof Settings, value: boolean): Html {
  return form('/control/settings', html`<input type="hidden" name="${name}" value="${String(!value)}">`, `${name}: ${value ? 'on' : 'off'}`);
}

function form(action: string, fields: Html | undefined, button: string): Html {
  return html`<form method="post" action="${action}">${fields} <button>${button}</button></form>`;
}

function select(name: string, options: readonly string[], chosen: string): Html {
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

function code(text: string): Html {
  return html`<code>${text}</code>`;
}

function statusOf(status: string, said = ''): Html {
  return html`<span class="${status}">${status}${said}</span>`;
}

/** To the second, which is what an eye needs. */
function timeOf(time: string | number): string {
  return new Date(time).toISOString().slice(0, 19).replace('T', ' ');
}

function newest<T>(all: readonly T[]): T[] {
  return all.slice(-ROWS_SHOWN).toReversed();
}
