/** For the tests: the real gateway on a free port, with stand-ins for the services. */
import { IntentStatus, RefundStatus, type Intent, type PaymentsServer, type Refund } from '@kiosk/contracts/payments/v1/payments';
import { DeliveryChannel, DeliveryStatus, ReportStatus, ReportType, type ListedDelivery, type Report, type ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionStatus, SessionType, type AuditEntry, type Session, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import { notFound } from '@kiosk/fault';
import type { Call, Rpc } from '@kiosk/rpc';
import { createLog, createMetrics } from '@kiosk/service';
import { readFileSync } from 'node:fs';
import { readConfig } from './config.ts';
import type { Held } from './held.ts';
import type { Document } from './openapi.ts';
import type { Route } from './route.ts';
import { startGateway, type GatewayConfig } from './service.ts';
import { routeTable, type Clients } from './table.ts';

const at = new Date('2026-11-23T09:00:00.123Z');
export const sessionId = 'ses_01hv3abcdefghjkmnpqrstvwxy';
export const intentId = 'pay_01hv3abcdefghjkmnpqrstvwxy';
export const reportId = 'rep_01hv3abcdefghjkmnpqrstvwxy';

export const aSession: Session = {
  id: sessionId, type: SessionType.SESSION_TYPE_THICKNESS, status: SessionStatus.SESSION_STATUS_ACTIVE,
  contact: { email: 'a@example.com' }, metadataJson: '{"seat":1}', createdAt: at, updatedAt: at, expiresAt: at,
};

export const anIntent: Intent = {
  id: intentId, sessionId, amountMinor: 35_000, currency: 'RUB', status: IntentStatus.INTENT_STATUS_PENDING, provider: 'dev',
  qrCodeData: 'https://pay.example/1', metadataJson: '{}', refundedAmountMinor: 0, refunds: [], createdAt: at, updatedAt: at, expiresAt: at,
};

export const aRefund: Refund = { id: 'ref_01hv3abcdefghjkmnpqrstvwxy', amountMinor: 100, status: RefundStatus.REFUND_STATUS_PENDING, reason: 'half done', createdAt: at };

export const aReport: Report = {
  id: reportId, sessionId, type: ReportType.REPORT_TYPE_THICKNESS, status: ReportStatus.REPORT_STATUS_READY,
  sha256: 'ab'.repeat(32), pages: 2, deliveries: [], createdAt: at,
};

export const aDelivery: ListedDelivery = {
  delivery: {
    id: 'dlv_01hv3abcdefghjkmnpqrstvwxy', channel: DeliveryChannel.DELIVERY_CHANNEL_SMS, toMasked: '+7900***4567', status: DeliveryStatus.DELIVERY_STATUS_DEAD, attempts: 1,
    lastError: 'recipient_refused',
  },
  reportId, sessionId, createdAt: at, ambiguousAttempts: 0, deadAt: at,
};

export const anAuditEntry: AuditEntry = {
  id: 1, at, event: 'session.created', entityId: sessionId, detailsJson: '{"type":"thickness"}', requestId: 'r-1', caller: 'kiosk:k-1', hash: 'ab'.repeat(32),
};

export type Asked = { method: string; request: unknown; call: Partial<Call> | undefined };

type StandIns = { sessions?: Partial<Rpc<SessionsServer>>; payments?: Partial<Rpc<PaymentsServer>>; reporting?: Partial<Rpc<ReportingServer>> };

/** Services that answer everything with the same session, intent and report, and keep what they were asked. */
function standIns({ sessions, payments, reporting }: StandIns, asked: Asked[], owner: string | undefined) {
  const session = async () => ({ session: aSession });
  const intent = async () => ({ intent: anIntent });
  const report = async () => ({ report: aReport });
  const gone = () => notFound('session_not_found', 'There is no such session.');
  return {
    sessions: kept<Rpc<SessionsServer>>(asked, owner, {
      createSession: session, getSession: session,
      // It is erased then, so that the stream has an end.
      watchSession: async function* () { yield { session: aSession }; throw gone(); },
      updateSession: session, completeSession: session, expireSession: session, failSession: session,
      listSessions: async () => ({ sessions: [aSession], nextCursor: '' }),
      listAudit: async () => ({ entries: [anAuditEntry] }),
      eraseSession: async () => ({ known: true }),
      ...sessions,
    }),
    payments: kept<Rpc<PaymentsServer>>(asked, owner, {
      createIntent: async () => ({ intent: anIntent, created: true }), getIntent: intent, cancelIntent: intent, confirmIntent: intent,
      watchSessionIntents: async function* () { yield { intents: [anIntent] }; },
      watchIntentStatus: async function* () { yield { now: { intentId, status: anIntent.status, final: false, updatedAt: at } }; },
      getIntentStatus: async () => ({ intentId, status: anIntent.status, final: false, updatedAt: at }),
      listIntents: async () => ({ intents: [anIntent], nextCursor: '' }),
      refundIntent: async () => ({ refund: aRefund }),
      receiveNotification: async () => ({}),
      listAudit: async () => ({ entries: [] }),
      eraseSession: async () => ({ known: true }),
      ...payments,
    }),
    reporting: kept<Rpc<ReportingServer>>(asked, owner, {
      createDiagnosticsReport: report, createThicknessReport: report, getReport: report, deliverReport: report,
      getReportPdf: async () => ({ pdf: Buffer.from('%PDF-1.7'), sha256: aReport.sha256 }),
      watchSessionReports: async function* () { yield { reports: [aReport] }; },
      listSessionReports: async () => ({ reports: [aReport] }),
      listDeliveries: async () => ({ deliveries: [aDelivery], nextCursor: '' }),
      openLink: async () => ({ pdf: Buffer.from('%PDF-1.7'), sha256: aReport.sha256, reportId, fileName: 'otchet-1.pdf' }),
      checkReport: async () => ({ reportId, type: aReport.type, createdAt: at, sha256: aReport.sha256, pages: 2, erased: false, issuer: 'Проверка автомобиля' }),
      revokeLinks: async () => ({ revoked: 1 }),
      receiveDeliveryStatus: async () => ({}),
      listAudit: async () => ({ entries: [] }),
      eraseSessionReports: async () => ({ erased: 1, known: true }),
      ...reporting,
    }),
  };
}

/** These concern nothing that has an owner yet, or leave out what is another's. */
const ownerless = new Set(['createSession', 'listSessions', 'listIntents', 'receiveNotification', 'openLink', 'checkReport', 'receiveDeliveryStatus']);

/**
 * A call that nobody stands in for fails, as one that the gateway has no reason to make. Where `owner` is given, everything is that kiosk's, and
 * unknown to another kiosk, as the services have it (S3).
 */
function kept<Functions extends object>(asked: Asked[], owner: string | undefined, functions: Partial<Functions>): Functions {
  return new Proxy(functions as Functions, {
    get(target, method: string) {
      const ask = (request: unknown, call?: Partial<Call>): unknown => {
        asked.push({ method, request, call });
        const { role, name } = call?.caller ?? {};
        if (owner !== undefined && role === 'kiosk' && name !== owner && !ownerless.has(method)) throw notFound('not_yours', 'There is no such thing.');
        const standIn = Reflect.get(target, method) as ((request: unknown, call?: Partial<Call>) => unknown) | undefined;
        if (!standIn) throw new Error(`nobody stands in for ${method}`);
        return standIn(request, call);
      };
      if (!method.startsWith('watch')) return async (request: unknown, call?: Partial<Call>) => ask(request, call);
      return async function* (request: unknown, call?: Partial<Call>) {
        yield* ask(request, call) as AsyncIterable<unknown>;
      };
    },
  });
}

/** Nobody listens on port 1. */
export const nobody = { grpcAddress: '127.0.0.1:1', metricsAddress: '127.0.0.1:1' };

/** The table of routes itself. Its handlers have no services to ask. */
export function allRoutes() {
  return routeTable({ ...{} as Clients & { held: Held }, peers: { sessions: nobody, payments: nobody, reporting: nobody }, metrics: createMetrics({ service: 'gateway' }), document: '{}' });
}

export const document = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8')) as Document;

/** A route's operation in the document; undefined for one that is not built. */
export function operationOf({ path, method }: Pick<Route, 'path' | 'method'>) {
  return document.paths[path.replaceAll(/:(\w+)/g, '{$1}')]?.[method];
}

/** A request that the route takes: its address with our ids, and the document's first example as its body. */
export function requestFor(route: Pick<Route, 'path' | 'method'>): { address: string; init: { method: string; body?: string } } {
  const { path, method } = route;
  const id = { sessions: sessionId, payments: intentId, reports: reportId, check: reportId }[/^\/(?:api\/)?(\w+)/.exec(path)?.[1] ?? ''] ?? '';
  const [content] = Object.values(operationOf(route)?.requestBody?.content ?? {});
  const [example] = Object.values(content?.examples ?? {});
  return {
    address: path.replace(':sessionId', sessionId).replace(':id', id).replace(':token', 'token'),
    init: { method: method.toUpperCase(), ...(method === 'get' || method === 'delete' ? {} : { body: JSON.stringify(example?.value ?? {}) }) },
  };
}

type TestOptions = StandIns & { config?: Partial<GatewayConfig>; real?: boolean; owner?: string; now?: () => number; certificateCheckMs?: number };

/** `real` connects to the configured addresses instead of stand-ins; with `owner` everything that the stand-ins have is that kiosk's. */
export async function startTestGateway({ config = {}, real = false, owner, now, certificateCheckMs, ...services }: TestOptions = {}) {
  const asked: Asked[] = [];
  const lines: string[] = [];
  const gateway = await startGateway({
    // A test machine that is busy is not a gateway that is overloaded.
    config: { ...readConfig({}), port: 0, toleratedDelayMs: 60_000, peers: { sessions: nobody, payments: nobody, reporting: nobody }, ...config },
    log: createLog({ service: 'gateway', level: 'debug', destination: { write: (line) => void lines.push(line) } }),
    now,
    certificateCheckMs,
    ...(real ? {} : { clients: standIns(services, asked, owner) }),
  });
  const url = `http://127.0.0.1:${gateway.port}`;
  return {
    url,
    port: gateway.port,
    /** What the services were asked, in order. */
    asked,
    log: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    send: (path: string, init?: RequestInit) => fetch(url + path, init),
    /** A POST (or another method) of a value as JSON, or of text as it is. */
    post: (path: string, body: unknown, { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {}) =>
      fetch(url + path, { method, headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  };
}

export type TestGateway = Awaited<ReturnType<typeof startTestGateway>>;

/** An answer that must be a problem document. */
export async function problemOf(response: Response): Promise<Record<string, unknown>> {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('application/problem+json')) throw new Error(`not a problem document: ${response.status} ${type}`);
  return (await response.json()) as Record<string, unknown>;
}
