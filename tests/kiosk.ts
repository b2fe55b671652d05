/** A kiosk's screen: it speaks the gateway's HTTP and knows nothing else. */
import { expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from './until.ts';

export interface Session {
  id: string;
  type: 'thickness' | 'diagnostics';
  status: 'active' | 'completed' | 'expired' | 'failed';
  contact: { email?: string; phone?: string };
  metadata: Record<string, unknown>;
  createdAt: string;
  expiresAt: string;
}

export interface Intent {
  intentId: string;
  sessionId: string;
  amount: number;
  status: 'pending' | 'confirmed' | 'failed' | 'expired';
  failureReason?: string;
  qrCodeData: string;
  qrCodeUrl: string;
}

export interface Delivery {
  deliveryId: string;
  channel: 'email' | 'sms';
  to: string;
  status: 'queued' | 'sending' | 'sent' | 'delivered' | 'dead';
  attempts: number;
}

export interface Report {
  reportId: string;
  sessionId: string;
  status: 'ready' | 'failed';
  pdfUrl: string;
  sha256: string;
  pages: number;
  deliveries: Delivery[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  reason: string;
  requestId: string;
  errors?: { path: string; message: string }[];
}

export type Answer<Body> = { status: number; headers: Headers; body: Body };
export type SampleName = 'diagnostics-granta' | 'diagnostics-camry-clean' | 'thickness-solaris' | 'thickness-dokker-thick-factory';
type Sample = { data: Record<string, unknown>; deliverTo?: { email?: string; phone?: string } };

/** The price of each service, in kopecks. */
export const prices = { thickness: 35_000, diagnostics: 48_000 } as const;

export function sampleOf(name: SampleName, sessionId: string): Sample {
  const sample = JSON.parse(readFileSync(join(import.meta.dirname, '../docs/samples', `${name}.json`), 'utf8')) as Sample;
  return { ...sample, data: { ...sample.data, sessionId } };
}

export type Kiosk = ReturnType<typeof kioskAt>;

/** With a `key` it is that caller; without one it is anybody. */
export function kioskAt(url: string, { key }: { key?: string } = {}) {
  const identity: Record<string, string> = key === undefined ? {} : { authorization: `Bearer ${key}` };

  /** `body` is sent as JSON; a text or bytes are sent as they are. */
  async function send<Body>(method: string, path: string, { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {}): Promise<Answer<Body>> {
    const response = await fetch(url + path, {
      method,
      headers: { ...identity, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = /^application\/(problem\+)?json/.test(response.headers.get('content-type') ?? '');
    return { status: response.status, headers: response.headers, body: (isJson ? JSON.parse(text) : text) as Body };
  }

  const get = <Body>(path: string, headers?: Record<string, string>) => send<Body>('GET', path, { headers });
  const post = <Body>(path: string, body?: unknown, headers?: Record<string, string>) => send<Body>('POST', path, { body, headers });
  const patch = <Body>(path: string, body: unknown) => send<Body>('PATCH', path, { body });

  /** The body of an answer that must have this status. */
  async function must<Body>(status: number, answering: Promise<Answer<Body>>): Promise<Body> {
    const answer = await answering;
    expect({ status: answer.status, body: answer.body }).toEqual({ status, body: expect.anything() });
    return answer.body;
  }

  return {
    url,
    send,
    get,
    post,
    patch,
    openSession: (body: { type: Session['type'] } & Record<string, unknown>) => must(201, post<Session>('/api/sessions', body)),
    session: (id: string) => must(200, get<Session>(`/api/sessions/${id}`)),
    requestIntent: (session: Pick<Session, 'id'>, amount: number, key?: string) =>
      post<Intent>('/api/payments/intent', { amount, currency: 'RUB', sessionId: session.id }, key === undefined ? {} : { 'idempotency-key': key }),
    openIntent: (session: Pick<Session, 'id'>, amount: number, key?: string) =>
      must(201, post<Intent>('/api/payments/intent', { amount, currency: 'RUB', sessionId: session.id }, key === undefined ? {} : { 'idempotency-key': key })),
    intent: (id: string) => must(200, get<Intent>(`/api/payments/intent/${id}`)),
    /** Polls the status as the screen does, until it is final. */
    async untilFinal(id: string): Promise<{ status: Intent['status']; failureReason?: string }> {
      return until(
        () => must(200, get<{ status: Intent['status']; final: boolean; failureReason?: string }>(`/api/payments/status/${id}`)),
        ({ final }) => final,
      );
    },
    paymentsOf: async (session: Pick<Session, 'id'>) => (await must(200, get<{ payments: Intent[] }>(`/api/payments?sessionId=${session.id}`))).payments,
    /** Sends the report where the sample says, or somewhere else; to the session's contact where `deliverTo` is null. */
    requestReport: (session: Pick<Session, 'id' | 'type'>, sample: SampleName, deliverTo?: object | null) => {
      const { data, deliverTo: usual } = sampleOf(sample, session.id);
      return post<Report>(`/api/reports/${session.type}`, { data, deliverTo: deliverTo === undefined ? usual : deliverTo ?? undefined });
    },
    report: (id: string) => must(200, get<Report>(`/api/reports/${id}`)),
    /** Resolves when every delivery of the report has been sent. */
    untilSent: (id: string) => until(
      () => must(200, get<Report>(`/api/reports/${id}`)),
      ({ deliveries }) => deliveries.every(({ status }) => status === 'sent'),
    ),
    async pdf({ pdfUrl }: Pick<Report, 'pdfUrl'>): Promise<{ bytes: Buffer; headers: Headers }> {
      const response = await fetch(url + pdfUrl, { headers: identity });
      expect(response.status).toBe(200);
      return { bytes: Buffer.from(await response.arrayBuffer()), headers: response.headers };
    },
    must,
    /** Comes back as a kiosk does, after a broken connection or when it is told to, and gives the body of the success; any other refusal fails. */
    async again<Body>(ask: () => Promise<Answer<Body>>): Promise<Body> {
      const answer = await until(() => ask().catch(() => undefined), (each) => each !== undefined && !each.headers.has('retry-after'));
      expect({ status: answer?.status, body: answer?.body }).toEqual({ status: [200, 202].includes(answer?.status ?? 0) ? answer?.status : 201, body: expect.anything() });
      return answer!.body;
    },
  };
}

/** Checks that an answer is a problem document (RFC 9457) that says nothing it should not (G1), and gives it back. */
export function expectProblem({ status, headers, body }: Answer<unknown>, expected: { status: number; reason?: string }): Problem {
  const problem = body as Problem;
  expect({ status, reason: problem.reason }).toEqual({ status: expected.status, reason: expected.reason ?? expect.stringMatching(/^[a-z][a-z0-9_]+$/) });
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(problem).toMatchObject({ type: expect.any(String), title: expect.any(String), status, detail: expect.any(String), requestId: headers.get('x-request-id') });
  expect(JSON.stringify(problem)).not.toMatch(/node_modules|\bat .*:\d+:\d+|\/src\/|\.sqlite|SELECT|INSERT|zod/i);
  return problem;
}
