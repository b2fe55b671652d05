/** What this service promises, verb by verb. */
import { newId } from '@kiosk/database';
import { Fault, conflict, invalid, notFound } from '@kiosk/fault';
import { createTurns, type Changes, type Log } from '@kiosk/service';
import { createHash } from 'node:crypto';
import { checkConsent, lacksConsent, type Consent } from './consent.ts';
import type { Channel, Delivery } from './delivery.ts';
import { validateDiagnostics, type DiagnosticsData, type LookUpDtc } from './diagnostics.ts';
import { DamagedFileError, type Files } from './files.ts';
import { findingsOf } from './findings.ts';
import type { Gate, GetPayment } from './gate.ts';
import { templateVersion, type ReportDocument } from './pdf/report-document.ts';
import { newDelivery } from './new-delivery.ts';
import { normalizeRecipients, type Recipients } from './recipients.ts';
import { notReady, type Rendering } from './rendering.ts';
import { needsPayment, refuseUnfit, refuseUnpaid, type Report, type Visit } from './report.ts';
import type { ReportView, Store } from './store.ts';
import { scopeOf, type Call, type Key, type Origin } from './tables.ts';
import { validateThickness, type ThicknessData, type ThicknessLimits } from './thickness.ts';
import { within } from './within.ts';

/** What the kiosk measured. */
export type Content = { kind: 'diagnostics'; data: DiagnosticsData } | { kind: 'thickness'; data: ThicknessData };

/** Fails with `session_not_found`, also for a kiosk that asks for another's (S3). */
export type GetVisit = (sessionId: string, origin: Origin | Call) => Promise<Visit>;

/** Where a report is to go, as it was asked for. */
type Addressed = Recipients & { consent?: Consent };

export type Reports = ReturnType<typeof createReports>;

/** Kept back from the caller's time, so that it hears that the report is still being made before its own deadline passes. */
const answerMarginMs = 250;
/** To check what was measured, and to judge it, takes about a millisecond of the event loop each. */
const reportsPerTurn = 4;

export function createReports({ store, changes, files, rendering, gate, getVisit, getPayment, lookUpDtc, brand, publicUrl, thicknessLimits, mailDomain, consentRequired, onDue, log, now }: {
  store: Store;
  /** By the session's id. */
  changes: Changes;
  files: Files;
  rendering: Rendering;
  gate: Gate;
  getVisit: GetVisit;
  getPayment: GetPayment;
  lookUpDtc: LookUpDtc;
  brand: ReportDocument['brand'];
  /** Without a slash at its end. */
  publicUrl: string;
  thicknessLimits: ThicknessLimits;
  /** Of the Message-IDs. */
  mailDomain: string;
  /** Whether a report goes to others than the session's contact only with consent. */
  consentRequired: boolean;
  /** Told when deliveries have become due. */
  onDue: () => void;
  log: Log;
  now: () => number;
}) {
  const turns = createTurns({ perTurn: reportsPerTurn });
  return {
    /** Makes a report, or answers the one that the key made. Answers when its file is on disk, or with `report_not_ready` when the caller's time is over. */
    async create({ idempotencyKey, sessionId, content, deliverTo }: {
      idempotencyKey: string; sessionId: string; content: Content; deliverTo?: Addressed;
    }, call: Call): Promise<ReportView> {
      await turns.next();
      const valid = validated(content);
      const to = deliverTo && normalizeRecipients(deliverTo);
      const consent = deliverTo?.consent && checkConsent(deliverTo.consent, { now: now(), prefix: 'deliverTo.' });
      const key = keyOf(idempotencyKey, ['create', sessionId, valid, to ?? null, consent ?? null], call);
      const id = (key && await store.replay(key)) ?? await accept({ sessionId, content: valid, to, consent, key }, call);
      await within(call.deadlineAt - Date.now() - answerMarginMs, rendering.finish(id, call));
      return answer(await store.view(id, undefined));
    },

    get: async (id: string, call: Call): Promise<ReportView> => answer(await store.view(id, scopeOf(call))),

    async pdf(id: string, call: Call): Promise<{ bytes: Buffer; sha256: string }> {
      const report = await store.get(id, scopeOf(call));
      if (report.status === 'rendering') throw notReady();
      await gate.pass(report, call);
      const bytes = report.sha256 === undefined || report.erasedAt !== undefined ? undefined : await read(report);
      if (!bytes) throw notFound('report_file_missing', 'The report has no file.');
      return { bytes, sha256: report.sha256! };
    },

    /** Newest first. That there are none is said of a session that is there; otherwise it fails with `session_not_found`. */
    async listBySession(sessionId: string, call: Call): Promise<ReportView[]> {
      const views = await store.listBySession(sessionId, scopeOf(call));
      if (views.length === 0) await getVisit(sessionId, call);
      return views;
    },

    /** The session's reports, oldest first, now and again after each change, until the signal aborts. */
    watchSession: (sessionId: string, call: Call): AsyncIterable<ReportView[]> =>
      changes.watch(sessionId, { read: async () => (await store.listBySession(sessionId, scopeOf(call))).toReversed(), signal: call.signal }),

    /** Adds a delivery for each channel named. */
    async deliver({ idempotencyKey, reportId, to }: { idempotencyKey: string; reportId: string; to: Addressed }, call: Call): Promise<ReportView> {
      const recipients = normalizeRecipients(to, '');
      if (Object.keys(recipients).length === 0) throw invalid('no_recipient', 'Name an e-mail address, a phone number, or both.', 'to');
      const consent = to.consent && checkConsent(to.consent, { now: now(), prefix: '' });
      const { report, deliveries: before } = answer(await store.view(reportId, scopeOf(call)));
      if (report.erasedAt !== undefined) throw conflict('report_erased', 'The report\'s data has been erased.');
      const key = keyOf(idempotencyKey, ['deliver', reportId, recipients, consent ?? null], call);
      if (!key || await store.replay(key) === undefined) {
        const reached = before.map(({ recipient }) => recipient);
        const isNew = consentRequired && !consent && lacksConsent(recipients, { emails: reached, phones: reached });
        const contact = isNew ? await contactOf(report.sessionId, call) : {};
        refuseWithoutConsent(recipients, { consent, known: { emails: [...reached, contact.email], phones: [...reached, contact.phone] }, prefix: '' });
        await gate.pass(report, call);
        await store.resend({ report, deliveries: deliveriesOf({ reportId, to: recipients, cause: 'resend', at: now() }), consent, key, origin: call });
        onDue();
      }
      return store.view(reportId, undefined);
    },
  };

  /** Everything that can be refused is refused before the one transaction that makes the report, its deliveries and the key's claim. */
  async function accept({ sessionId, content, to, consent, key }: {
    sessionId: string; content: Content; to?: Recipients; consent?: Consent; key?: Key;
  }, call: Call): Promise<string> {
    using _place = rendering.reserve();
    const visit = await getVisit(sessionId, call);
    refuseUnfit(visit, content.kind);
    const { email, phone } = visit.contact;
    refuseWithoutConsent(to ?? {}, { consent, known: { emails: [email], phones: [phone] }, prefix: 'deliverTo.' });
    const paidIntentId = needsPayment(visit, gate.required) ? await getPayment(sessionId, call) ?? refuseUnpaid(visit) : undefined;
    await turns.next();
    const at = now();
    const document = freeze({ id: newId('rep', at), visit, content, at });
    const { summary, severities } = findingsOf(document, lookUpDtc);
    const report: Report = {
      id: document.reportId, sessionId: visit.sessionId, type: content.kind, status: 'rendering', kioskId: visit.kioskId, paidIntentId, summary, templateVersion, createdAt: at,
    };
    const { vehicleMake } = content.data;
    const durationMs = content.kind === 'diagnostics' ? content.data.durationMs : undefined;
    return store.open({
      report, document, scan: { vehicleMake, durationMs, severities }, consent, key, origin: call,
      deliveries: deliveriesOf({ reportId: report.id, to: to ?? normalizeRecipients(visit.contact), cause: 'report', at }),
    });
  }

  /** Nobody's, once the session is gone. */
  async function contactOf(sessionId: string, call: Call): Promise<Visit['contact']> {
    try {
      return (await getVisit(sessionId, call)).contact;
    } catch (error) {
      if (error instanceof Fault && error.kind === 'not_found') return {};
      throw error;
    }
  }

  /** Fails with `consent_required`. */
  function refuseWithoutConsent(to: Recipients, { consent, known, prefix }: { consent?: Consent; known: Parameters<typeof lacksConsent>[1]; prefix: string }): void {
    if (!consentRequired || consent || !lacksConsent(to, known)) return;
    throw invalid('consent_required', 'To others than the session\'s contact a report goes only with the customer\'s consent.', `${prefix}consent`);
  }

  /** All that the PDF is made of, so that it comes out the same whenever it is made (D8). */
  function freeze({ id, visit, content, at }: { id: string; visit: Visit; content: Content; at: number }): ReportDocument {
    const base = { reportId: id, sessionId: visit.sessionId, createdAt: at, brand, checkUrl: `${publicUrl}/check/${id}` };
    return content.kind === 'diagnostics' ? { ...base, ...content } : { ...base, ...content, limits: thicknessLimits };
  }

  function deliveriesOf({ reportId, to, cause, at }: { reportId: string; to: Recipients; cause: Delivery['cause']; at: number }): Delivery[] {
    const named: [Channel, string | undefined][] = [['email', to.email], ['sms', to.phone]];
    return named.flatMap(([channel, recipient]) => {
      return recipient === undefined ? [] : [newDelivery({ reportId, channel, recipient, cause, mailDomain, at })];
    });
  }

  async function read(report: Report): Promise<Buffer | undefined> {
    try {
      return await files.read(report);
    } catch (error) {
      if (!(error instanceof DamagedFileError)) throw error;
      log.error({ reportId: report.id, error }, 'the file of a report is damaged: restore it from a backup');
      throw new Fault({ kind: 'internal', reason: 'report_file_damaged', message: 'The file of the report is damaged.' });
    }
  }
}

/** The contract knows ready and failed only. */
function answer(view: ReportView): ReportView {
  if (view.report.status === 'rendering') throw notReady();
  return view;
}

function validated(content: Content): Content {
  return content.kind === 'diagnostics'
    ? { kind: 'diagnostics', data: validateDiagnostics(content.data) }
    : { kind: 'thickness', data: validateThickness(content.data) };
}

/** The body is in normal form, made by our own code, so equal requests have equal text. */
function keyOf(idempotencyKey: string, body: unknown, { caller }: Origin): Key | undefined {
  if (idempotencyKey === '') return undefined;
  if (idempotencyKey.length > 255) throw invalid('invalid_idempotency_key', 'Idempotency-Key must be at most 255 characters.');
  return { caller: `${caller.role}:${caller.name}`, key: idempotencyKey, bodySha256: createHash('sha256').update(JSON.stringify(body)).digest('hex') };
}
