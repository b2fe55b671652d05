/**
 * The oracle: our books against the PSP's own, its journal of every request included. It knows nothing of how the service works; it reads the rows
 * and says in words what must not be.
 */
import type { JournalEntry, Psp } from '@kiosk/psp';
import type { TestPayments } from '../testing.ts';

const resubmitLimitMs = 20 * 3_600_000;
const publicMoves = new Set(['pending>confirmed', 'pending>failed', 'pending>expired', 'failed>confirmed', 'expired>confirmed']);

type Books = Awaited<ReturnType<typeof readBooks>>;

async function readBooks({ rows }: TestPayments) {
  const [intents, refunds, observations, audit, anomalies, keys] = await Promise.all([
    rows.selectFrom('intents').selectAll().orderBy('id').execute(),
    rows.selectFrom('refunds').selectAll().orderBy('id').execute(),
    rows.selectFrom('psp_observations').selectAll().orderBy('id').execute(),
    rows.selectFrom('audit_logs').selectAll().orderBy('id').execute(),
    rows.selectFrom('anomalies').selectAll().orderBy('id').execute(),
    rows.selectFrom('idempotency_keys').selectAll().execute(),
  ]);
  return { intents, refunds, observations, audit, anomalies, keys };
}

/**
 * Every broken promise, in words. `settled`: time has passed until nothing was left to do, so the ends must meet as well; what was given up after 20 h
 * is found by reconciling only, so it may wait for that where `reconciled` is false.
 */
export async function brokenPromises({ payments, psp, now, settled, reconciled = true }: {
  payments: TestPayments; psp: Psp; now: number; settled: boolean; reconciled?: boolean;
}): Promise<string[]> {
  const books = await readBooks(payments);
  return [
    ...oncePerKey(books, psp),
    ...onePerSession(books, now),
    ...confirmedByEvidence(books, psp),
    ...refundsWithinPayments(books, psp),
    ...endedForAReason(books, psp),
    ...audited(books),
    ...(settled ? endsMeet(books, psp, reconciled) : []),
  ];
}

/** P1, P10, R2. */
function oncePerKey({ intents, refunds, keys }: Books, psp: Psp): string[] {
  const broken: string[] = [];
  const ours = new Set([...intents, ...refunds].map(({ id }) => id));
  const sent = new Map<string, JournalEntry[]>();
  for (const entry of psp.journal) if (entry.method === 'POST') sent.set(entry.idempotenceKey ?? '', [...sent.get(entry.idempotenceKey ?? '') ?? [], entry]);
  for (const [key, entries] of sent) {
    if (!ours.has(key)) broken.push(`P12 the PSP got a request under a key that is no row of ours: ${key}`);
    if (entries.filter(({ deed }) => deed?.did === 'created').length > 1) broken.push(`P1 R2 the PSP made more than one object for ${key}`);
    if (new Set(entries.map(({ bodySha256 }) => bodySha256)).size > 1) broken.push(`P10 other bytes under the same key: ${key}`);
    if (entries.at(-1)!.atMs - entries[0]!.atMs >= resubmitLimitMs) broken.push(`P10 sent again after 20 h: ${key}`);
  }
  for (const intent of intents) {
    if (psp.payments().filter(({ metadata }) => metadata['intent_id'] === intent.id).length > 1) broken.push(`P1 ${intent.id} has more than one payment at the PSP`);
  }
  const made = keys.filter((key) => key.made === 1).map(({ entity_id }) => entity_id);
  if (new Set(made).size !== made.length) broken.push('P1 two keys made the same row');
  for (const { entity_id } of keys) if (!ours.has(entity_id)) broken.push(`P12 P13 a key names ${entity_id}, which is not there`);
  return broken;
}

/** P5. */
function onePerSession({ intents }: Books, now: number): string[] {
  const live = intents.filter(({ status, expires_at }) => status === 'pending' && expires_at > now).map(({ session_id }) => session_id);
  const paid = intents.filter(({ status }) => status === 'confirmed').map(({ session_id }) => session_id);
  return [...duplicates(live).map((id) => `P5 ${id} has two live intents`), ...duplicates(paid).map((id) => `P5 ${id} was paid twice`)];
}

function duplicates(values: string[]): string[] {
  return values.filter((value, index) => values.indexOf(value) !== index);
}

/** P7. */
function confirmedByEvidence({ intents, observations }: Books, psp: Psp): string[] {
  const broken: string[] = [];
  const there = new Map(psp.payments().map((payment) => [payment.id, payment]));
  for (const intent of intents) {
    const payment = there.get(intent.psp_payment_id ?? '');
    const evidence = observations.some(({ intent_id, verdict }) => intent_id === intent.id && verdict === 'paid');
    if (evidence && payment?.status !== 'succeeded') broken.push(`P7 evidence that ${intent.id} is paid, and the PSP says ${payment?.status ?? 'nothing'}`);
    if (intent.status !== 'confirmed') continue;
    if (!evidence) broken.push(`P7 ${intent.id} is confirmed without evidence`);
    if (payment?.status !== 'succeeded' || !payment.paid) broken.push(`P7 ${intent.id} is confirmed, and the PSP says ${payment?.status ?? 'nothing'}`);
    if (payment && toMinor(payment.amount.value) !== intent.amount_minor) broken.push(`P7 ${intent.id} is confirmed with another amount`);
  }
  return broken;
}

/** R1, P9. */
function refundsWithinPayments({ intents, refunds }: Books, psp: Psp): string[] {
  const broken: string[] = [];
  for (const intent of intents) {
    const standing = refunds.filter(({ intent_id, status }) => intent_id === intent.id && status !== 'canceled');
    if (sum(standing.map(({ amount_minor }) => amount_minor)) > intent.amount_minor) broken.push(`R1 more than was paid goes back for ${intent.id}`);
    if (standing.filter(({ origin }) => origin !== 'operator').length > 1) broken.push(`P9 ${intent.id} goes back by itself twice`);
    const there = psp.refunds().filter(({ payment_id, status }) => payment_id === intent.psp_payment_id && status !== 'canceled');
    if (sum(there.map(({ amount }) => toMinor(amount.value))) > intent.amount_minor) broken.push(`R1 the PSP gives back more than was paid for ${intent.id}`);
  }
  for (const refund of refunds) {
    const object = psp.refunds().find(({ id }) => id === refund.psp_refund_id);
    if (refund.psp_refund_id !== null && object === undefined) broken.push(`R2 ${refund.id} is attached to a refund that the PSP does not have`);
    if (object && toMinor(object.amount.value) !== refund.amount_minor) broken.push(`R2 ${refund.id} has another amount at the PSP`);
    if (refund.status === 'succeeded' && object?.status !== 'succeeded') broken.push(`R2 ${refund.id} succeeded, and the PSP says ${object?.status ?? 'nothing'}`);
  }
  return broken;
}

/** P10: a definite no, from us or from the PSP, stands behind each end; nothing ended because an answer did not come. */
function endedForAReason({ intents, refunds, observations }: Books, psp: Psp): string[] {
  const broken: string[] = [];
  type Told = { status: string; cancellation_details?: { reason: string } };
  const there = new Map<string, Told>([...psp.payments(), ...psp.refunds()].map((object) => [object.id, object]));
  const refused = new Set(psp.journal.filter(({ answer }) => answer?.status === 400 || answer?.status === 404).map(({ idempotenceKey }) => idempotenceKey));
  for (const { id, submission } of [...intents, ...refunds]) {
    if (submission === 'refused' && !refused.has(id)) broken.push(`P10 ${id} counts as refused, and the PSP never said no`);
  }
  for (const { id, status, failure_reason: reason, psp_payment_id } of intents) {
    if (status !== 'failed' || ['canceled_by_customer', 'superseded', 'refused_by_psp'].includes(reason!)) continue;
    if (there.get(psp_payment_id!)?.cancellation_details?.reason !== reason) broken.push(`P10 ${id} failed as ${reason}, and the PSP does not say so`);
  }
  for (const { id, status, submission, psp_refund_id } of refunds) {
    const isCanceledThere = there.get(psp_refund_id!)?.status === 'canceled';
    if (status === 'canceled' && submission === 'attached' && !isCanceledThere) broken.push(`P10 ${id} is canceled, and the PSP does not say so`);
  }
  // P13: what the evidence of money sets off is there as soon as the evidence is.
  for (const { id, status } of intents) {
    const paid = observations.some(({ intent_id, verdict }) => intent_id === id && verdict === 'paid');
    const goesBack = refunds.some(({ intent_id, origin }) => intent_id === id && origin !== 'operator');
    if (paid && status !== 'confirmed' && !goesBack) broken.push(`P13 money for ${id} is on record, and nothing follows from it`);
  }
  return broken;
}

/** P8, and that each move has its line in the audit, once. */
function audited({ intents, refunds, audit }: Books): string[] {
  const broken: string[] = [];
  for (const intent of intents) {
    const lines = audit.filter(({ entity_id, event }) => entity_id === intent.id && event.startsWith('intent.')).map(({ event }) => event.slice('intent.'.length));
    if (lines[0] !== 'created' || lines.lastIndexOf('created') !== 0) broken.push(`P13 the creation of ${intent.id} is not in the audit once`);
    const states = ['pending', ...lines.slice(1)];
    for (const [index, to] of states.slice(1).entries()) if (!publicMoves.has(`${states[index]}>${to}`)) broken.push(`P8 ${intent.id} went ${states.join(' → ')}`);
    if (states.at(-1) !== intent.status) broken.push(`P13 ${intent.id} is ${intent.status}, and its audit ends with ${states.at(-1)}`);
  }
  for (const refund of refunds) {
    const lines = audit.filter(({ entity_id, event }) => entity_id === refund.id && event.startsWith('refund.')).map(({ event }) => event);
    const expected = ['refund.created', ...(refund.status === 'pending' ? [] : [`refund.${refund.status}`])];
    if (lines.join() !== expected.join()) broken.push(`P9 P13 ${refund.id} is ${refund.status}, and its audit says ${lines.join(', ')}`);
  }
  return broken;
}

/** P9, P11, P14, R4: nothing is open, and nothing is at the PSP that we do not account for. */
function endsMeet({ intents, refunds, anomalies }: Books, psp: Psp, reconciled: boolean): string[] {
  const broken: string[] = [];
  for (const payment of psp.payments()) {
    const intent = intents.find(({ id }) => id === payment.metadata['intent_id']);
    if (!intent) {
      broken.push(`P12 the PSP has ${payment.id} of an intent that is not here`);
      continue;
    }
    // Given up, and told to the operator.
    if (intent.submission === 'abandoned' && !(reconciled && payment.status === 'succeeded')) continue;
    if (intent.psp_payment_id !== payment.id) broken.push(`P1 ${intent.id} does not know its payment ${payment.id}`);
    if (intent.psp_status !== payment.status) broken.push(`P11 ${intent.id} thinks that its payment is ${intent.psp_status}, and it is ${payment.status}`);
    if (payment.status !== 'succeeded' || intent.status === 'confirmed') continue;
    const back = refunds.filter(({ intent_id }) => intent_id === intent.id);
    const returned = sum(back.filter(({ status }) => status !== 'canceled').map(({ amount_minor }) => amount_minor));
    const shown = back.some(({ id, status }) => status === 'canceled' && anomalies.some(({ object_id }) => object_id === id));
    const questioned = anomalies.some(({ kind, intent_id }) => intent_id === intent.id && kind.startsWith('mismatch_'));
    if (returned !== intent.amount_minor && !shown && !questioned) broken.push(`P9 money for ${intent.id} came late and is neither confirmed nor on its way back`);
  }
  for (const intent of intents) {
    if (intent.status === 'pending') broken.push(`P11 ${intent.id} is still pending`);
    if (intent.submission === 'created' || intent.submission === 'submitting') broken.push(`P11 ${intent.id} is still ${intent.submission}`);
  }
  for (const refund of refunds) {
    const given = refund.submission === 'abandoned' && anomalies.some(({ kind, object_id }) => kind === 'refund_unknown' && object_id === refund.id);
    if (refund.status === 'pending' && !given) broken.push(`R4 ${refund.id} is still pending`);
  }
  const givenUp = refunds.filter(({ submission }) => submission === 'abandoned').map(({ id }) => id);
  for (const { id } of psp.refunds()) {
    const key = psp.journal.find(({ deed }) => deed?.did === 'created' && deed.id === id)?.idempotenceKey;
    if (!refunds.some(({ psp_refund_id }) => psp_refund_id === id) && !givenUp.includes(key ?? '')) broken.push(`R2 the PSP has a refund ${id} that is not here`);
  }
  return broken;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function toMinor(value: string): number {
  return Number(value.replace('.', ''));
}
