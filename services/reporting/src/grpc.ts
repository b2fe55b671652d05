/** Messages ↔ nouns; decides nothing. */
import {
  DeliveryChannel, DeliveryProvider, DeliveryStatus as WireDeliveryStatus, DtcStatus, MeasurementStatus, ReportStatus as WireStatus, ReportType as WireType, ReportingService,
  Severity as WireSeverity, VehicleType as WireVehicleType,
  type AuditEntry, type Delivery as WireDelivery, type Diagnostics, type ListAuditRequest, type ListedDelivery as WireListedDelivery, type Report as WireReport, type ReportingServer,
  type Recipients as WireRecipients, type Thickness,
} from '@kiosk/contracts/reporting/v1/reporting';
import type { PaymentsServer } from '@kiosk/contracts/payments/v1/payments';
import { SessionStatus, SessionType, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import type { AuditFilter, AuditRow } from '@kiosk/database';
import { Fault, invalid } from '@kiosk/fault';
import { implement, newCall, type Call, type Implementation, type Rpc } from '@kiosk/rpc';
import type { Channel, Delivery, DeliveryStatus } from './delivery.ts';
import type { CodeStatus, DiagnosticsData, Severity } from './diagnostics.ts';
import type { ListDeliveries, ListedDelivery } from './delivery-list-store.ts';
import type { Erasure, ListErasures } from './erasure.ts';
import type { GetPayment } from './gate.ts';
import type { Callback, Outcomes } from './outcomes.ts';
import { maskRecipient } from './recipients.ts';
import { fileNameOf, type ReportType, type Visit } from './report.ts';
import type { ReportLinks } from './report-links.ts';
import type { GetVisit, Reports } from './reports.ts';
import type { ReportView, Store } from './store.ts';
import type { ReadingStatus, ThicknessData } from './thickness.ts';
import type { VehicleType } from './thickness-zones.ts';

export function reportingOverGrpc({ reports, links, listDeliveries, outcomes, erasure, store, issuer }: {
  reports: Reports; links: ReportLinks; listDeliveries: ListDeliveries; outcomes: Outcomes; erasure: Erasure; store: Pick<Store, 'listAudit'>;
  /** Who gives out reports here. */
  issuer: string;
}): Implementation {
  return implement<ReportingServer>(ReportingService, {
    createDiagnosticsReport: async ({ idempotencyKey, sessionId, data, deliverTo }, call) => ({
      report: write(await reports.create({ idempotencyKey, sessionId, content: { kind: 'diagnostics', data: readDiagnostics(data) }, deliverTo: deliverTo && readRecipients(deliverTo) }, newCall(call))),
    }),
    createThicknessReport: async ({ idempotencyKey, sessionId, data, deliverTo }, call) => ({
      report: write(await reports.create({ idempotencyKey, sessionId, content: { kind: 'thickness', data: readThickness(data) }, deliverTo: deliverTo && readRecipients(deliverTo) }, newCall(call))),
    }),
    getReport: async ({ reportId }, call) => ({ report: write(await reports.get(reportId, newCall(call))) }),
    async getReportPdf({ reportId }, call) {
      const { bytes, sha256 } = await reports.pdf(reportId, newCall(call));
      return { pdf: bytes, sha256 };
    },
    listSessionReports: async ({ sessionId }, call) => ({ reports: (await reports.listBySession(sessionId, newCall(call))).map(write) }),
    async *watchSessionReports({ sessionId }, call) {
      for await (const views of reports.watchSession(sessionId, newCall(call))) yield { reports: views.map(write) };
    },
    deliverReport: async ({ idempotencyKey, reportId, to }, call) => ({
      report: write(await reports.deliver({ idempotencyKey, reportId, to: to ? readRecipients(to) : {} }, newCall(call))),
    }),
    async listDeliveries({ status, channel, reportId, createdFrom, createdTo, limit, cursor }, call) {
      const page = await listDeliveries({
        status: readWord(deliveryStatuses, status, { path: 'status', reason: 'invalid_status' }),
        channel: readWord(channels, channel, { path: 'channel', reason: 'invalid_channel' }),
        reportId, createdFrom: createdFrom?.getTime(), createdTo: createdTo?.getTime(), limit, cursor,
      }, newCall(call));
      return { deliveries: page.deliveries.map(writeListed), nextCursor: page.nextCursor };
    },
    async openLink({ token, isLook }, call) {
      const { bytes, sha256, reportId } = await links.open({ token, isLook }, newCall(call));
      return { pdf: bytes, sha256, reportId, fileName: fileNameOf(reportId) };
    },
    async checkReport({ reportId }) {
      const { id, type, createdAt, sha256, pages, erasedAt } = await links.check(reportId);
      return { reportId: id, type: types[type], createdAt: new Date(createdAt), sha256, pages, erased: erasedAt !== undefined, issuer };
    },
    revokeLinks: async ({ reportId }, call) => ({ revoked: await links.revoke(reportId, newCall(call)) }),
    async receiveDeliveryStatus({ provider: wire, body, signature, timestamp }) {
      const provider = readWord(providers, wire, { path: 'provider', reason: 'invalid_provider' });
      if (provider === undefined) throw invalid('invalid_provider', `provider must be one of ${Object.keys(providers).join(', ')}`, 'provider');
      await outcomes.receive({ provider, body, signature, timestamp });
      return {};
    },
    eraseSessionReports: ({ sessionId }, call) => erasure.eraseSession(sessionId, newCall(call)),
    listAudit: async (request, call) => ({ entries: (await store.listAudit(readAuditFilter(request, call))).map(writeAuditEntry) }),
  });
}

export type SessionsPeer = Pick<Rpc<SessionsServer>, 'getSession' | 'listErasures'>;
export type PaymentsPeer = Pick<Rpc<PaymentsServer>, 'checkSessionPaid' | 'recordService'>;

function readRecipients({ email, phone, consent }: WireRecipients): Parameters<Reports['deliver']>[0]['to'] {
  return { email, phone, ...(consent ? { consent: { textVersion: consent.textVersion, at: consent.at?.getTime() ?? Number.NaN } } : {}) };
}

/** The sessions service, as reporting sees it. The call goes along, so that deadline, request id and caller travel. */
export function visitsOf(sessions: SessionsPeer): GetVisit {
  return async (sessionId, origin) => {
    const { session } = await sessions.getSession({ sessionId }, origin);
    return {
      sessionId: session!.id,
      type: session!.type === SessionType.SESSION_TYPE_THICKNESS ? 'thickness' : 'diagnostics',
      status: visitStatuses[session!.status] ?? 'failed',
      kioskId: session!.kioskId,
      contact: { email: session!.contact?.email, phone: session!.contact?.phone },
    };
  };
}

/** What the sessions service remembers of erasures. */
export function erasuresOf(sessions: SessionsPeer): ListErasures {
  return async (after, origin) => (await sessions.listErasures({ after, limit: 0 }, origin)).erasures;
}

/** The payments service, as reporting sees it. */
export function paymentsOf(payments: PaymentsPeer): GetPayment {
  return async (sessionId, origin) => {
    const { paid, intentId } = await payments.checkSessionPaid({ sessionId }, origin);
    return paid ? intentId : undefined;
  };
}

const visitStatuses: Partial<Record<SessionStatus, Visit['status']>> = {
  [SessionStatus.SESSION_STATUS_ACTIVE]: 'active',
  [SessionStatus.SESSION_STATUS_COMPLETED]: 'completed',
  [SessionStatus.SESSION_STATUS_EXPIRED]: 'expired',
  [SessionStatus.SESSION_STATUS_FAILED]: 'failed',
};

const types: Record<ReportType, WireType> = { diagnostics: WireType.REPORT_TYPE_DIAGNOSTICS, thickness: WireType.REPORT_TYPE_THICKNESS };
const channels: Record<Channel, DeliveryChannel> = { email: DeliveryChannel.DELIVERY_CHANNEL_EMAIL, sms: DeliveryChannel.DELIVERY_CHANNEL_SMS };
const providers: Record<Callback['provider'], DeliveryProvider> = {
  twilio: DeliveryProvider.DELIVERY_PROVIDER_TWILIO, sendgrid: DeliveryProvider.DELIVERY_PROVIDER_SENDGRID,
};
const deliveryStatuses: Record<DeliveryStatus, WireDeliveryStatus> = {
  queued: WireDeliveryStatus.DELIVERY_STATUS_QUEUED,
  sending: WireDeliveryStatus.DELIVERY_STATUS_SENDING,
  sent: WireDeliveryStatus.DELIVERY_STATUS_SENT,
  delivered: WireDeliveryStatus.DELIVERY_STATUS_DELIVERED,
  dead: WireDeliveryStatus.DELIVERY_STATUS_DEAD,
};
const severities: Record<Severity, WireSeverity> = { low: WireSeverity.SEVERITY_LOW, medium: WireSeverity.SEVERITY_MEDIUM, high: WireSeverity.SEVERITY_HIGH };
const codeStatuses: Record<CodeStatus, DtcStatus> = {
  stored: DtcStatus.DTC_STATUS_STORED, pending: DtcStatus.DTC_STATUS_PENDING, permanent: DtcStatus.DTC_STATUS_PERMANENT,
};
const readingStatuses: Record<ReadingStatus, MeasurementStatus> = {
  normal: MeasurementStatus.MEASUREMENT_STATUS_NORMAL, warning: MeasurementStatus.MEASUREMENT_STATUS_WARNING, critical: MeasurementStatus.MEASUREMENT_STATUS_CRITICAL,
};
const vehicleTypes: Record<VehicleType, WireVehicleType> = {
  sedan: WireVehicleType.VEHICLE_TYPE_SEDAN,
  hatchback: WireVehicleType.VEHICLE_TYPE_HATCHBACK,
  wagon: WireVehicleType.VEHICLE_TYPE_WAGON,
  coupe: WireVehicleType.VEHICLE_TYPE_COUPE,
  suv: WireVehicleType.VEHICLE_TYPE_SUV,
  minivan: WireVehicleType.VEHICLE_TYPE_MINIVAN,
};

/** The word for a wire value; undefined for UNSPECIFIED. Fails with `reason` for a value that this version does not know. */
function readWord<Word extends string, Wire extends string>(words: Record<Word, Wire>, wire: Wire, { path, reason }: { path: string; reason: string }): Word | undefined {
  for (const [word, known] of Object.entries(words)) if (known === wire) return word as Word;
  if (wire.endsWith('_UNSPECIFIED')) return undefined;
  throw invalid(reason, `${path} must be one of ${Object.keys(words).join(', ')}`, path);
}

/** A time that is absent becomes one that no check passes. */
function readTime(time: Date | undefined): number {
  return time?.getTime() ?? Number.NaN;
}

function readDiagnostics(data: Diagnostics | undefined): DiagnosticsData {
  const reason = 'invalid_diagnostics';
  if (!data) throw invalid(reason, 'data is required', 'data');
  const { dtcCodes, timestamp, clearedAt, ...same } = data;
  return {
    ...same,
    dtcCodes: dtcCodes.map(({ code, description, severity, status }, index) => ({
      code, description,
      severity: readWord(severities, severity, { path: `dtcCodes[${index}].severity`, reason }),
      status: readWord(codeStatuses, status, { path: `dtcCodes[${index}].status`, reason }),
    })),
    timestamp: readTime(timestamp),
    clearedAt: clearedAt && readTime(clearedAt),
  };
}

function readThickness(data: Thickness | undefined): ThicknessData {
  const reason = 'invalid_thickness';
  if (!data) throw invalid(reason, 'data is required', 'data');
  const vehicleType = readWord(vehicleTypes, data.vehicleType, { path: 'vehicleType', reason });
  if (vehicleType === undefined) throw invalid(reason, `vehicleType must be one of ${Object.keys(vehicleTypes).join(', ')}`, 'vehicleType');
  return {
    vehicleType, vehicleMake: data.vehicleMake, vehicleModel: data.vehicleModel, vin: data.vin,
    measurements: data.measurements.map(({ zone, valueUm, point, status }, index) => ({
      zone, valueUm, point, status: readWord(readingStatuses, status, { path: `measurements[${index}].status`, reason }),
    })),
    timestamp: readTime(data.timestamp),
  };
}

function write({ report, deliveries }: ReportView): WireReport {
  return {
    id: report.id,
    sessionId: report.sessionId,
    type: types[report.type],
    status: report.status === 'ready' ? WireStatus.REPORT_STATUS_READY : WireStatus.REPORT_STATUS_FAILED,
    sha256: report.sha256 ?? '',
    pages: report.pages ?? 0,
    deliveries: deliveries.map(writeDelivery),
    createdAt: new Date(report.createdAt),
    kioskId: report.kioskId,
  };
}

function writeListed({ delivery, sessionId, kioskId }: ListedDelivery): WireListedDelivery {
  return {
    delivery: writeDelivery(delivery),
    reportId: delivery.reportId,
    sessionId,
    kioskId,
    createdAt: new Date(delivery.createdAt),
    provider: delivery.provider,
    ambiguousAttempts: delivery.ambiguousAttempts,
    deliveredAt: writeTime(delivery.deliveredAt),
    deadAt: writeTime(delivery.deadAt),
  };
}

function writeDelivery(delivery: Delivery): WireDelivery {
  return {
    id: delivery.id,
    channel: channels[delivery.channel],
    toMasked: maskRecipient(delivery.channel, delivery.recipient),
    status: deliveryStatuses[delivery.status],
    attempts: delivery.attempts,
    nextAttemptAt: writeTime(delivery.nextAttemptAt),
    lastError: delivery.lastError,
    sentAt: writeTime(delivery.sentAt),
  };
}

function writeTime(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}

function writeAuditEntry(row: AuditRow): AuditEntry {
  return {
    id: row.id, at: new Date(row.at), event: row.event, entityId: row.entity_id, detailsJson: row.details, requestId: row.request_id, caller: row.caller,
    ip: row.ip ?? undefined, userAgent: row.user_agent ?? undefined, hash: row.hash,
  };
}

/** Fails with `operator_only` and `invalid_limit`. */
function readAuditFilter({ sessionId, entityId, event, from, to, limit, before }: ListAuditRequest, call: Partial<Call> | undefined): AuditFilter & { sessionId?: string } {
  if (call?.caller?.role === 'kiosk') throw new Fault({ kind: 'forbidden', reason: 'operator_only', message: 'Only an operator may ask this.' });
  if (limit < 0 || limit > 200) throw invalid('invalid_limit', 'limit must be from 1 to 200.', 'limit');
  return {
    sessionId, entityId, event, from: from?.getTime(), to: to?.getTime(), limit: limit || 50, before: before && { at: before.at?.getTime() ?? 0, id: before.id },
  };
}
