/** What openapi.json shows for each body and answer. The reports' bodies are the files in docs/samples. */
const at = '2026-11-23T09:00:00.000Z';
const later = '2026-11-23T10:00:00.000Z';
export const exampleSessionId = 'ses_01kaqzc5m0abcdefghjkmnpqrs';
const intentId = 'pay_01kaqzd3k0abcdefghjkmnpqrs';
const reportId = 'rep_01kaqzh7x0abcdefghjkmnpqrs';

const session = {
  id: exampleSessionId, type: 'thickness', status: 'active', contact: { email: 'client@example.com', phone: '+79001234567' }, metadata: { box: 2 },
  kioskId: 'kiosk-1', createdAt: at, updatedAt: at, expiresAt: later,
};
const refund = { refundId: 'ref_01kaqzm2q0abcdefghjkmnpqrs', amount: 35_000, status: 'pending', reason: 'The gauge failed', createdAt: at };
const intent = {
  intentId, sessionId: exampleSessionId, amount: 35_000, currency: 'RUB', status: 'pending', provider: 'yookassa', qrCodeData: 'https://qr.nspk.ru/AS10003P',
  qrCodeUrl: `/api/payments/qr/${intentId}.svg`, description: 'Проверка толщины ЛКП', metadata: {}, refundedAmount: 0, refunds: [], createdAt: at, updatedAt: at,
  expiresAt: '2026-11-23T09:10:00.000Z',
};
const report = {
  reportId, sessionId: exampleSessionId, type: 'thickness', status: 'ready', pdfUrl: `/api/reports/${reportId}/pdf`,
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08', pages: 2,
  deliveries: [{ deliveryId: 'dlv_01kaqzh800abcdefghjkmnpqrs', channel: 'email', to: 'c***@example.com', status: 'queued', attempts: 0, nextAttemptAt: at }],
  createdAt: at,
};

const deadDelivery = {
  deliveryId: 'dlv_01kaqzh800abcdefghjkmnpqrs', channel: 'email', to: 'c***@example.com', status: 'dead', attempts: 1, lastError: 'recipient_refused', reportId,
  sessionId: exampleSessionId, kioskId: 'kiosk-1', provider: 'smtp', ambiguousAttempts: 0, createdAt: at, deadAt: at,
};

const auditEntry = {
  service: 'sessions', id: 1, at, type: 'session.created', entityId: exampleSessionId, details: { type: 'thickness', kioskId: 'kiosk-1' },
  requestId: '6d0c9f1e-8f0b-4a53-9c43-0e7f4b0f7c11', caller: 'kiosk:kiosk-1', ip: '10.0.0.7',
  hash: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
};

/** By the operation's name. */
export const bodyExamples: Readonly<Record<string, unknown>> = {
  createSession: { type: 'thickness', contact: { email: 'client@example.com', phone: '8 (900) 123-45-67' }, metadata: { box: 2 } },
  updateSession: { contact: { phone: null }, metadata: { box: 3 } },
  completeSession: { metadata: { rating: 5 } },
  expireSession: {},
  failSession: { reason: 'The customer has no car' },
  createIntent: { amount: 35_000, currency: 'RUB', sessionId: exampleSessionId, description: 'Проверка толщины ЛКП' },
  cancelIntent: {},
  confirmIntent: {},
  refundIntent: { amount: 35_000, reason: 'The gauge failed' },
  revokeLinks: {},
  deliverReport: { email: 'another@example.com' },
};

/** By the answer's name. */
export const answerExamples: Readonly<Record<string, unknown>> = {
  Session: session,
  SessionList: { sessions: [session], count: 1, nextCursor: exampleSessionId },
  Intent: intent,
  PaymentList: { payments: [intent], count: 1 },
  IntentStatus: { intentId, status: 'confirmed', final: true, updatedAt: at },
  Refund: refund,
  Report: report,
  ReportList: { reports: [report], count: 1 },
  DeliveryList: { deliveries: [deadDelivery], count: 1 },
  RevokedLinks: { reportId, revoked: 2 },
  AuditEntry: auditEntry,
  AuditList: { entries: [auditEntry], count: 1, nextCursor: '1795424400000.sessions.1' },
  Live: { status: 'ok' },
  Ready: { status: 'ok', checks: { sessions: 'ok', payments: 'ok', reporting: 'ok' } },
};
