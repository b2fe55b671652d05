/** Every answer of the API: what openapi.json describes, what the translators have to give, and what the tests hold real answers against. */
import { z } from 'zod';
import {
  auditServices, intentStatus, reportStatus, reportType, deliveryChannel, deliveryStatus, refundStatus, sessionStatus, sessionType,
} from './schemas.ts';

/** The schemas that have a name of their own in openapi.json. */
export const answerNames = z.registry<{ id: string }>();

const time = z.iso.datetime();
const minor = z.int().nonnegative().describe('Minor units: kopecks or cents');
const metadata = z.record(z.string(), z.unknown()).describe('What the kiosk keeps with it');
const count = z.int().nonnegative().describe('How many this page has');
const nextCursor = z.string().optional().describe('Asks for the next page; absent on the last');

export const sessionAnswer = z.strictObject({
  id: z.string(),
  type: sessionType,
  status: sessionStatus,
  contact: z.strictObject({
    email: z.string().optional().describe('Lower case. Masked in lists, and where a kiosk reads it back: c***@example.com'),
    phone: z.string().optional().describe('E.164: +79001234567. Masked likewise: +7900***4567'),
    consent: z.strictObject({ textVersion: z.string(), at: time }).optional().describe('Which text the customer agreed to, and when'),
  }),
  metadata,
  kioskId: z.string().optional(),
  failureReason: z.string().optional(),
  createdAt: time,
  updatedAt: time,
  completedAt: time.optional(),
  expiresAt: time,
  erasedAt: time.optional().describe('When what names the customer was erased'),
}).register(answerNames, { id: 'Session' });

export const sessionListAnswer = z.strictObject({ sessions: z.array(sessionAnswer), count, nextCursor }).register(answerNames, { id: 'SessionList' });

export const refundAnswer = z.strictObject({
  refundId: z.string(),
  amount: minor,
  status: refundStatus,
  reason: z.string(),
  createdAt: time,
}).register(answerNames, { id: 'Refund' });

export const intentAnswer = z.strictObject({
  intentId: z.string(),
  sessionId: z.string(),
  amount: minor,
  currency: z.string(),
  status: intentStatus,
  failureReason: z.string().optional(),
  provider: z.string(),
  qrCodeData: z.string().describe('The text to draw as a QR code; empty until the PSP has given it'),
  qrCodeUrl: z.string().describe('The address of the QR code as a picture'),
  confirmationUrl: z.string().optional(),
  description: z.string().optional(),
  metadata,
  refundedAmount: minor,
  refunds: z.array(refundAnswer),
  createdAt: time,
  updatedAt: time,
  confirmedAt: time.optional(),
  expiresAt: time,
}).register(answerNames, { id: 'Intent' });

export const intentListAnswer = z.strictObject({ payments: z.array(intentAnswer), count, nextCursor }).register(answerNames, { id: 'PaymentList' });

export const intentStatusAnswer = z.strictObject({
  intentId: z.string(),
  status: intentStatus,
  final: z.boolean().describe('Whether asking again is of no use'),
  failureReason: z.string().optional(),
  updatedAt: time,
}).register(answerNames, { id: 'IntentStatus' });

const delivery = z.strictObject({
  deliveryId: z.string(),
  channel: deliveryChannel,
  to: z.string().describe('Masked'),
  status: deliveryStatus,
  attempts: z.int().nonnegative(),
  nextAttemptAt: time.optional(),
  lastError: z.string().optional(),
  sentAt: time.optional(),
}).register(answerNames, { id: 'Delivery' });

export const deliveryEvent = delivery.extend({ reportId: z.string() }).register(answerNames, { id: 'DeliveryEvent' });

export const reportAnswer = z.strictObject({
  reportId: z.string(),
  sessionId: z.string(),
  type: reportType,
  status: reportStatus,
  pdfUrl: z.string(),
  sha256: z.string().describe('Of the PDF, in hexadecimal; empty where there is none'),
  pages: z.int().nonnegative(),
  deliveries: z.array(delivery),
  createdAt: time,
}).register(answerNames, { id: 'Report' });

export const reportListAnswer = z.strictObject({ reports: z.array(reportAnswer), count }).register(answerNames, { id: 'ReportList' });

export const revokedLinksAnswer = z.strictObject({ reportId: z.string(), revoked: z.int().nonnegative() }).register(answerNames, { id: 'RevokedLinks' });

export const listedDeliveryAnswer = delivery.extend({
  reportId: z.string(),
  sessionId: z.string(),
  kioskId: z.string().optional(),
  provider: z.string().optional().describe('Who made the last attempt'),
  ambiguousAttempts: z.int().nonnegative().describe('Attempts that may have arrived although we were not told'),
  createdAt: time,
  deliveredAt: time.optional(),
  deadAt: time.optional(),
}).register(answerNames, { id: 'ListedDelivery' });

export const deliveryListAnswer = z.strictObject({ deliveries: z.array(listedDeliveryAnswer), count, nextCursor }).register(answerNames, { id: 'DeliveryList' });

export const auditEntryAnswer = z.strictObject({
  service: z.enum(auditServices),
  id: z.int().positive().describe('Counts from 1 in each service, without a gap'),
  at: time,
  type: z.string().describe('Such as session.completed'),
  entityId: z.string(),
  details: z.record(z.string(), z.unknown()).describe('Never a contact'),
  requestId: z.string(),
  caller: z.string().describe('role:name'),
  ip: z.string().optional(),
  userAgent: z.string().optional(),
  hash: z.string().describe('SHA-256 over the service\'s entry before it and itself, in hexadecimal; empty in entries from before there was a chain'),
}).register(answerNames, { id: 'AuditEntry' });

export const auditListAnswer = z.strictObject({ entries: z.array(auditEntryAnswer), count, nextCursor }).register(answerNames, { id: 'AuditList' });

export const liveAnswer = z.strictObject({ status: z.literal('ok') }).register(answerNames, { id: 'Live' });

const checks = z.record(z.string(), z.enum(['ok', 'not_ready', 'unreachable'])).describe('By service');

export const readyAnswer = z.strictObject({ status: z.literal('ok'), checks }).register(answerNames, { id: 'Ready' });

/** RFC 9457. */
export const problemAnswer = z.strictObject({
  type: z.string().describe('urn:kiosk:problem: and the reason'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('For people'),
  reason: z.string().describe('For programs, and stable'),
  requestId: z.string().describe('What the operator finds in the logs'),
  errors: z.array(z.strictObject({ path: z.string().describe('As the caller wrote it: contact.email'), message: z.string() })).optional(),
  checks: checks.optional(),
}).register(answerNames, { id: 'Problem' });
