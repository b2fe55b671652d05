// Written by generate.ts from openapi.json: change that, not this.

export type Contact = {
  /** One mailbox */
  email?: string;
  /** 8…, 7…, 9… or +7…, with or without blanks and brackets */
  phone?: string;
  /** Which text the customer agreed to, and when */
  consent?: {
    textVersion: string;
    at: string;
  };
};

export type NewSession = {
  type: 'thickness' | 'diagnostics';
  contact?: Contact;
  /** Whatever the kiosk wants to keep; at most 16384 bytes of JSON */
  metadata?: Record<string, unknown>;
  /** How long it stays active, in ms; an hour without one */
  ttlMs?: number;
  kioskId?: string;
};

export type SessionPatch = {
  contact?: {
    email?: string | null;
    phone?: string | null;
    consent?: {
      textVersion: string;
      at: string;
    } | null;
  } | null;
  /** Whatever the kiosk wants to keep; at most 16384 bytes of JSON */
  metadata?: Record<string, unknown>;
};

export type Failure = {
  reason: string;
};

export type NewIntent = {
  /** Minor units: kopecks or cents */
  amount: number;
  currency: 'RUB' | 'USD' | 'EUR';
  sessionId: string;
  description?: string;
  /** Whatever the kiosk wants to keep; at most 16384 bytes of JSON */
  metadata?: Record<string, unknown>;
};

export type NewRefund = {
  /** Minor units; absent: all that is left */
  amount?: number;
  reason: string;
};

export type Diagnostics = {
  sessionId: string;
  vehicleMake: string;
  vehicleModel: string;
  year?: number;
  vin?: string;
  mileageKm?: number;
  dtcCodes: Array<{
    code: string;
    /** The dictionary's without one */
    description?: string;
    severity?: 'high' | 'medium' | 'low';
    status?: 'stored' | 'pending' | 'permanent';
  }>;
  milOn?: boolean;
  monitors?: Array<{
    name: string;
    ready: boolean;
  }>;
  parameters?: Array<{
    name: string;
    value: number;
    unit: string;
  }>;
  timestamp: string;
  durationMs?: number;
  cleared?: boolean;
  clearedAt?: string;
};

export type Thickness = {
  sessionId: string;
  vehicleType: 'sedan' | 'hatchback' | 'wagon' | 'coupe' | 'suv' | 'minivan';
  vehicleMake?: string;
  vehicleModel?: string;
  vin?: string;
  measurements: Array<{
    zone: string;
    /** µm */
    value: number;
    point?: number;
    status?: 'normal' | 'warning' | 'critical';
  }>;
  timestamp: string;
};

export type Recipients = {
  /** One mailbox */
  email?: string;
  /** 8…, 7…, 9… or +7…, with or without blanks and brackets */
  phone?: string;
  /** Which text the customer agreed to, and when */
  consent?: {
    textVersion: string;
    at: string;
  };
};

export type NewDiagnosticsReport = {
  data: Diagnostics;
  deliverTo?: Recipients;
};

export type NewThicknessReport = {
  data: Thickness;
  deliverTo?: Recipients;
};

export type Recipient = {
  /** One mailbox */
  email?: string;
  /** 8…, 7…, 9… or +7…, with or without blanks and brackets */
  phone?: string;
  /** Which text the customer agreed to, and when */
  consent?: {
    textVersion: string;
    at: string;
  };
};

export type Session = {
  id: string;
  type: 'thickness' | 'diagnostics';
  status: 'active' | 'completed' | 'expired' | 'failed';
  contact: {
    /** Lower case. Masked in lists, and where a kiosk reads it back: c***@example.com */
    email?: string;
    /** E.164: +79001234567. Masked likewise: +7900***4567 */
    phone?: string;
    /** Which text the customer agreed to, and when */
    consent?: {
      textVersion: string;
      at: string;
    };
  };
  /** What the kiosk keeps with it */
  metadata: Record<string, unknown>;
  kioskId?: string;
  failureReason?: string;
  createdAt: string;
  updatedAt: string;
  completedAt?: string;
  expiresAt: string;
  /** When what names the customer was erased */
  erasedAt?: string;
};

export type SessionList = {
  sessions: Array<Session>;
  /** How many this page has */
  count: number;
  /** Asks for the next page; absent on the last */
  nextCursor?: string;
};

export type Refund = {
  refundId: string;
  /** Minor units: kopecks or cents */
  amount: number;
  status: 'pending' | 'succeeded' | 'canceled';
  reason: string;
  createdAt: string;
};

export type Intent = {
  intentId: string;
  sessionId: string;
  /** Minor units: kopecks or cents */
  amount: number;
  currency: string;
  status: 'pending' | 'confirmed' | 'failed' | 'expired';
  failureReason?: string;
  provider: string;
  /** The text to draw as a QR code; empty until the PSP has given it */
  qrCodeData: string;
  /** The address of the QR code as a picture */
  qrCodeUrl: string;
  confirmationUrl?: string;
  description?: string;
  /** What the kiosk keeps with it */
  metadata: Record<string, unknown>;
  /** Minor units: kopecks or cents */
  refundedAmount: number;
  refunds: Array<Refund>;
  createdAt: string;
  updatedAt: string;
  confirmedAt?: string;
  expiresAt: string;
};

export type PaymentList = {
  payments: Array<Intent>;
  /** How many this page has */
  count: number;
  /** Asks for the next page; absent on the last */
  nextCursor?: string;
};

export type IntentStatus = {
  intentId: string;
  status: 'pending' | 'confirmed' | 'failed' | 'expired';
  /** Whether asking again is of no use */
  final: boolean;
  failureReason?: string;
  updatedAt: string;
};

export type Delivery = {
  deliveryId: string;
  channel: 'email' | 'sms';
  /** Masked */
  to: string;
  status: 'queued' | 'sending' | 'sent' | 'delivered' | 'dead';
  attempts: number;
  nextAttemptAt?: string;
  lastError?: string;
  sentAt?: string;
};

export type DeliveryEvent = {
  deliveryId: string;
  channel: 'email' | 'sms';
  /** Masked */
  to: string;
  status: 'queued' | 'sending' | 'sent' | 'delivered' | 'dead';
  attempts: number;
  nextAttemptAt?: string;
  lastError?: string;
  sentAt?: string;
  reportId: string;
};

export type Report = {
  reportId: string;
  sessionId: string;
  type: 'diagnostics' | 'thickness';
  status: 'ready' | 'failed';
  pdfUrl: string;
  /** Of the PDF, in hexadecimal; empty where there is none */
  sha256: string;
  pages: number;
  deliveries: Array<Delivery>;
  createdAt: string;
};

export type ReportList = {
  reports: Array<Report>;
  /** How many this page has */
  count: number;
};

export type RevokedLinks = {
  reportId: string;
  revoked: number;
};

export type ListedDelivery = {
  deliveryId: string;
  channel: 'email' | 'sms';
  /** Masked */
  to: string;
  status: 'queued' | 'sending' | 'sent' | 'delivered' | 'dead';
  attempts: number;
  nextAttemptAt?: string;
  lastError?: string;
  sentAt?: string;
  reportId: string;
  sessionId: string;
  kioskId?: string;
  /** Who made the last attempt */
  provider?: string;
  /** Attempts that may have arrived although we were not told */
  ambiguousAttempts: number;
  createdAt: string;
  deliveredAt?: string;
  deadAt?: string;
};

export type DeliveryList = {
  deliveries: Array<ListedDelivery>;
  /** How many this page has */
  count: number;
  /** Asks for the next page; absent on the last */
  nextCursor?: string;
};

export type AuditEntry = {
  service: 'payments' | 'reporting' | 'sessions';
  /** Counts from 1 in each service, without a gap */
  id: number;
  at: string;
  /** Such as session.completed */
  type: string;
  entityId: string;
  /** Never a contact */
  details: Record<string, unknown>;
  requestId: string;
  /** role:name */
  caller: string;
  ip?: string;
  userAgent?: string;
  /** SHA-256 over the service's entry before it and itself, in hexadecimal; empty in entries from before there was a chain */
  hash: string;
};

export type AuditList = {
  entries: Array<AuditEntry>;
  /** How many this page has */
  count: number;
  /** Asks for the next page; absent on the last */
  nextCursor?: string;
};

export type Live = {
  status: 'ok';
};

export type Ready = {
  status: 'ok';
  /** By service */
  checks: Record<string, 'ok' | 'not_ready' | 'unreachable'>;
};

export type Problem = {
  /** urn:kiosk:problem: and the reason */
  type: string;
  title: string;
  status: number;
  /** For people */
  detail: string;
  /** For programs, and stable */
  reason: string;
  /** What the operator finds in the logs */
  requestId: string;
  errors?: Array<{
    /** As the caller wrote it: contact.email */
    path: string;
    message: string;
  }>;
  /** By service */
  checks?: Record<string, 'ok' | 'not_ready' | 'unreachable'>;
};

/** Tells what becomes of a session, its payments, reports and deliveries as Server-Sent Events: first each as it is now, then each change. Last-Event-ID resumes. For: kiosk, operator. */
export interface WatchSessionEvents {
  session: Session;
  payment: Intent;
  report: Report;
  delivery: DeliveryEvent;
}

export const watchSessionPath = '/api/sessions/{id}/events';

export interface Operations {
  /** Opens a session: one customer's visit. A kiosk's session is its own, whatever `kioskId` says. For: kiosk, operator. */
  createSession: { input: { body: NewSession; idempotencyKey?: string }; answer: Session };
  /** Lists sessions, newest first. A kiosk sees its own. For: kiosk, operator. */
  listSessions: { input: { query?: { type?: 'thickness' | 'diagnostics'; status?: 'active' | 'completed' | 'expired' | 'failed'; kioskId?: string; createdFrom?: string; createdTo?: string; limit?: number; cursor?: string } }; answer: SessionList };
  /** Reads a session. One whose time is over reads `expired`. For: kiosk, operator. */
  getSession: { input: { id: string }; answer: Session };
  /** Changes the contact or metadata of an active session as a JSON merge patch (RFC 7396): null removes, what is absent stays. For: kiosk, operator. */
  updateSession: { input: { id: string; body: SessionPatch }; answer: Session };
  /** Erases the session's customer in all services: contact, metadata, receipts, reports with their files, recipients and links. What is open ends. Payments, refunds and the audit stay. For: operator. */
  eraseSession: { input: { id: string }; answer: undefined };
  /** Ends a session as completed. For: kiosk, operator. */
  completeSession: { input: { id: string; body?: {
    /** Whatever the kiosk wants to keep; at most 16384 bytes of JSON */
    metadata?: Record<string, unknown>;
  } }; answer: Session };
  /** Ends a session as expired, before its time. For: kiosk, operator. */
  expireSession: { input: { id: string; body?: Record<string, never> }; answer: Session };
  /** Ends a session as failed, with the kiosk's reason. For: kiosk, operator. */
  failSession: { input: { id: string; body: Failure }; answer: Session };
  /** Asks for a payment. A session has one pending intent at most: the same amount again answers it, another amount replaces it. For: kiosk, operator. */
  createIntent: { input: { body: NewIntent; idempotencyKey?: string }; answer: Intent };
  /** Tells where a payment stands. For screens that ask every second or two: send the ETag back as If-None-Match and get 304 while nothing changed. With `wait` the answer comes when something has. For: kiosk, operator. */
  getIntentStatus: { input: { id: string; query?: { wait?: number } }; answer: IntentStatus };
  /** Reads an intent with its refunds. For: kiosk, operator. */
  getIntent: { input: { id: string }; answer: Intent };
  /** Lists intents, newest first. A kiosk sees its own. For: kiosk, operator. */
  listIntents: { input: { query?: { sessionId?: string; status?: 'pending' | 'confirmed' | 'failed' | 'expired'; createdFrom?: string; createdTo?: string; limit?: number; cursor?: string } }; answer: PaymentList };
  /** The QR code of an intent as SVG. It needs no key, because a picture in a page cannot send one: who knows the id may see it. For: public. */
  getQrSvg: { input: { id: string }; answer: string };
  /** The QR code of an intent as PNG, 512 pixels wide. It needs no key either. For: public. */
  getQrPng: { input: { id: string }; answer: Uint8Array };
  /** Ends a pending intent for the customer, who went away or thought again. Money that comes all the same is counted or returned. For: kiosk, operator. */
  cancelIntent: { input: { id: string; body?: Record<string, never> }; answer: Intent };
  /** Pays by hand at the development PSP. With a real one it is refused. For: kiosk, operator. */
  confirmIntent: { input: { id: string; body?: Record<string, never> }; answer: Intent };
  /** Gives money back, all that is left or a part of it. For: operator. */
  refundIntent: { input: { id: string; body: NewRefund; idempotencyKey?: string }; answer: Refund };
  /** Makes the report of a diagnostics session and sends it to `deliverTo`, or to the session's contact. For: kiosk, operator. */
  createDiagnosticsReport: { input: { body: NewDiagnosticsReport; idempotencyKey?: string }; answer: Report };
  /** Makes the report of a thickness session and sends it to `deliverTo`, or to the session's contact. For: kiosk, operator. */
  createThicknessReport: { input: { body: NewThicknessReport; idempotencyKey?: string }; answer: Report };
  /** Reads a report with its deliveries. For: kiosk, operator. */
  getReport: { input: { id: string }; answer: Report };
  /** The report itself. Its bytes never change: send the ETag back as If-None-Match. For: kiosk, operator. */
  getReportPdf: { input: { id: string }; answer: Uint8Array };
  /** Lists the reports of a session, which may be none yet. For: kiosk, operator. */
  listSessionReports: { input: { id: string }; answer: ReportList };
  /** Sends a report again, or to somebody else. For: operator. */
  deliverReport: { input: { id: string; body: Recipient; idempotencyKey?: string }; answer: Report };
  /** Ends every link of a report that was sent so far. A report that is sent again has a new one. For: operator. */
  revokeLinks: { input: { id: string; body?: Record<string, never> }; answer: RevokedLinks };
  /** Lists deliveries, newest first: with `status=dead` those that were given up and are the operator's to see to. Recipients are masked. For: operator. */
  listDeliveries: { input: { query?: { status?: 'queued' | 'sending' | 'sent' | 'delivered' | 'dead'; channel?: 'email' | 'sms'; reportId?: string; createdFrom?: string; createdTo?: string; limit?: number; cursor?: string } }; answer: DeliveryList };
  /** Who did what, in all services, newest first. 503 while one of them is away; `service` asks one alone. For: operator. */
  listAudit: { input: { query?: { sessionId?: string; entityId?: string; type?: string; service?: 'payments' | 'reporting' | 'sessions'; from?: string; to?: string; limit?: number; cursor?: string } }; answer: AuditList };
}

/** `keyed`: it takes an Idempotency-Key. `repeatable`: asked twice, with its key if it takes one, it does nothing twice. */
export const operations = {
  createSession: { method: 'POST', path: '/api/sessions', answer: 'json', keyed: true, repeatable: true },
  listSessions: { method: 'GET', path: '/api/sessions', answer: 'json', keyed: false, repeatable: true },
  getSession: { method: 'GET', path: '/api/sessions/{id}', answer: 'json', keyed: false, repeatable: true },
  updateSession: { method: 'PATCH', path: '/api/sessions/{id}', answer: 'json', keyed: false, repeatable: true },
  eraseSession: { method: 'DELETE', path: '/api/sessions/{id}', answer: 'nothing', keyed: false, repeatable: true },
  completeSession: { method: 'POST', path: '/api/sessions/{id}/complete', answer: 'json', keyed: false, repeatable: true },
  expireSession: { method: 'POST', path: '/api/sessions/{id}/expire', answer: 'json', keyed: false, repeatable: true },
  failSession: { method: 'POST', path: '/api/sessions/{id}/fail', answer: 'json', keyed: false, repeatable: true },
  createIntent: { method: 'POST', path: '/api/payments/intent', answer: 'json', keyed: true, repeatable: true },
  getIntentStatus: { method: 'GET', path: '/api/payments/status/{id}', answer: 'json', keyed: false, repeatable: true },
  getIntent: { method: 'GET', path: '/api/payments/intent/{id}', answer: 'json', keyed: false, repeatable: true },
  listIntents: { method: 'GET', path: '/api/payments', answer: 'json', keyed: false, repeatable: true },
  getQrSvg: { method: 'GET', path: '/api/payments/qr/{id}.svg', answer: 'text', keyed: false, repeatable: true },
  getQrPng: { method: 'GET', path: '/api/payments/qr/{id}.png', answer: 'bytes', keyed: false, repeatable: true },
  cancelIntent: { method: 'POST', path: '/api/payments/cancel/{id}', answer: 'json', keyed: false, repeatable: true },
  confirmIntent: { method: 'POST', path: '/api/payments/confirm/{id}', answer: 'json', keyed: false, repeatable: true },
  refundIntent: { method: 'POST', path: '/api/payments/refund/{id}', answer: 'json', keyed: true, repeatable: true },
  createDiagnosticsReport: { method: 'POST', path: '/api/reports/diagnostics', answer: 'json', keyed: true, repeatable: true },
  createThicknessReport: { method: 'POST', path: '/api/reports/thickness', answer: 'json', keyed: true, repeatable: true },
  getReport: { method: 'GET', path: '/api/reports/{id}', answer: 'json', keyed: false, repeatable: true },
  getReportPdf: { method: 'GET', path: '/api/reports/{id}/pdf', answer: 'bytes', keyed: false, repeatable: true },
  listSessionReports: { method: 'GET', path: '/api/reports/session/{id}', answer: 'json', keyed: false, repeatable: true },
  deliverReport: { method: 'POST', path: '/api/reports/{id}/deliver', answer: 'json', keyed: true, repeatable: true },
  revokeLinks: { method: 'POST', path: '/api/reports/{id}/links/revoke', answer: 'json', keyed: false, repeatable: true },
  listDeliveries: { method: 'GET', path: '/api/deliveries', answer: 'json', keyed: false, repeatable: true },
  listAudit: { method: 'GET', path: '/api/audit', answer: 'json', keyed: false, repeatable: true },
} as const;
