/** The report of a visit: rendering, then ready or failed. What it is made of is frozen when it is asked for. Pure functions; time is passed in. */
import { Fault, conflict } from '@kiosk/fault';
import type { ReportDocument } from './pdf/report-document.ts';

export type ReportType = ReportDocument['kind'];
export type ReportStatus = 'rendering' | 'ready' | 'failed';

/** Without the document, which is long and seldom needed. Times are epoch milliseconds. */
export type Report = {
  id: string;
  sessionId: string;
  type: ReportType;
  status: ReportStatus;
  kioskId?: string;
  /** The confirmed payment behind the session, once somebody asked. */
  paidIntentId?: string;
  /** What was found, in Russian, for the e-mail. */
  summary: string;
  /** Of the template that made the file, or is to make it. */
  templateVersion: number;
  /** Of the file's bytes; with `pages` and `readyAt` once ready. */
  sha256?: string;
  pages?: number;
  failureReason?: RenderFailure;
  createdAt: number;
  readyAt?: number;
  /** Its file and data are gone. */
  erasedAt?: number;
};

/** A fixed set: it is a metric's label. */
export const renderFailures = ['render_failed', 'render_crashed', 'erased'] as const;
export type RenderFailure = (typeof renderFailures)[number];

/** After so many renderings that took their worker down the report is left to the operator. */
export const mostRenderCrashes = 5;

/** What this service needs to know of a session. */
export type Visit = {
  sessionId: string;
  type: ReportType;
  status: 'active' | 'completed' | 'expired' | 'failed';
  kioskId?: string;
  contact: { email?: string; phone?: string };
};

/** Fails with `session_type_mismatch`, and `session_final` for a failed session. */
export function refuseUnfit(visit: Visit, type: ReportType): void {
  if (visit.type !== type) throw conflict('session_type_mismatch', `The session is for ${visit.type}, not for ${type}.`);
  if (visit.status === 'failed') throw conflict('session_final', 'The session has failed: it gets no report.');
}

/** Whether anything depends on the payment: it is required, or it is what keeps an expired session's report. */
export function needsPayment(visit: Visit, required: boolean): boolean {
  return required || visit.status === 'expired';
}

/** Fails with `session_final` for an unpaid expired session, otherwise with `payment_required`. */
export function refuseUnpaid(visit: Visit): never {
  if (visit.status === 'expired') throw conflict('session_final', 'The session has expired without a payment.');
  throw paymentRequired();
}

export function paymentRequired(): Fault {
  return new Fault({ kind: 'payment_required', reason: 'payment_required', message: 'The report is paid for first.' });
}

/** `LADA Granta 1.6`; empty where the kiosk named no car. */
export function vehicleName({ data }: ReportDocument): string {
  return [data.vehicleMake, data.vehicleModel].filter((part) => part !== undefined).join(' ');
}

/** ASCII, and nothing of the customer or the car: anybody may see it on the way. */
export function fileNameOf(reportId: string): string {
  return `otchet-${shortNumber(reportId)}.pdf`;
}

/** What a person can read out: the end of the id, `K3F9XQ2A`. */
export function shortNumber(reportId: string): string {
  return reportId.slice(-8).toUpperCase();
}
