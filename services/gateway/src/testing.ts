/** For the tests: the real gateway on a free port, with stand-ins for the services. */
import { IntentStatus, RefundStatus, type Intent, type PaymentsServer, type Refund } from '@kiosk/contracts/payments/v1/payments';
import { ReportStatus, ReportType, type Report, type ReportingServer } from '@kiosk/contracts/reporting/v1/reporting';
import { SessionStatus, SessionType, type Session, type SessionsServer } from '@kiosk/contracts/sessions/v1/sessions';
import type { Call, Rpc } from '@kiosk/rpc';
import { createLog } from '@kiosk/service';
import { readConfig } from './config.ts';
import { startGateway, type GatewayConfig } from './service.ts';

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

export type Asked = { method: string; request: unknown; call: Partial<Call> | undefined };

type StandIns = { sessions?: Partial<Rpc<SessionsServer>>; payments?: Partial<Rpc<PaymentsServer>>; reporting?: Partial<Rpc<ReportingServer>> };

/** Services that answer everything with the same session, intent and report, and keep what they were asked. */
function standIns({ sessions, payments, reporting }: StandIns, asked: Asked[]) {
  const session = async () => ({ session: aSession });
  const intent = async () => ({ intent: anIntent });
  const report = async () => ({ report: aReport });
  return {
    sessions: kept<Rpc<SessionsServer>>(asked, {
      createSession: session, getSession: session, updateSession: session, completeSession: session, expireSession: session, failSession: session,
      listSessions: async () => ({ sessions: [aSession], nextCursor: '' }),
      ...sessions,
    }),
    payments: kept<Rpc<PaymentsServer>>(asked, {
      createIntent: async () => ({ intent: anIntent, created: true }), getIntent: intent, cancelIntent: intent, confirmIntent: intent,
      getIntentStatus: async () => ({ intentId, status: anIntent.status, final: false, updatedAt: at }),
      listIntents: async () => ({ intents: [anIntent], nextCursor: '' }),
      refundIntent: async () => ({ refund: aRefund }),
      receiveNotification: async () => ({}),
      ...payments,
    }),
    reporting: kept<Rpc<ReportingServer>>(asked, {
      createDiagnosticsReport: report, createThicknessReport: report, getReport: report, deliverReport: report,
      getReportPdf: async () => ({ pdf: Buffer.from('%PDF-1.7'), sha256: aReport.sha256 }),
      listSessionReports: async () => ({ reports: [aReport] }),
      ...reporting,
    }),
  };
}

/** A call that nobody stands in for fails, as one that the gateway has no reason to make. */
function kept<Functions extends object>(asked: Asked[], functions: Partial<Functions>): Functions {
  return new Proxy(functions as Functions, {
    get: (target, method: string) => async (request: unknown, call?: Partial<Call>) => {
      asked.push({ method, request, call });
      const standIn = Reflect.get(target, method) as ((request: unknown, call?: Partial<Call>) => unknown) | undefined;
      if (!standIn) throw new Error(`nobody stands in for ${method}`);
      return standIn(request, call);
    },
  });
}

/** Nobody listens on port 1. */
export const nobody = { grpcAddress: '127.0.0.1:1', metricsAddress: '127.0.0.1:1' };

/** `real` connects to the configured addresses instead of stand-ins. */
export async function startTestGateway({ config = {}, real = false, ...services }: StandIns & { config?: Partial<GatewayConfig>; real?: boolean } = {}) {
  const asked: Asked[] = [];
  const lines: string[] = [];
  const gateway = await startGateway({
    config: { ...readConfig({}), port: 0, peers: { sessions: nobody, payments: nobody, reporting: nobody }, ...config },
    log: createLog({ service: 'gateway', level: 'debug', destination: { write: (line) => void lines.push(line) } }),
    ...(real ? {} : { clients: standIns(services, asked) }),
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
