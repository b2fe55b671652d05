/** Every body and query of the API. Unknown fields are refused everywhere but inside `metadata`. */
import { z } from 'zod';

const metadataBytes = 16 * 1024;

/** The schemas that have a name of their own in openapi.json. */
export const requestNames = z.registry<{ id: string }>();

// Kept as it is, not copied: a copy would lose names such as __proto__.
const metadata = z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'Must be a JSON object')
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= metadataBytes, `Must be at most ${metadataBytes} bytes`)
  .meta({ type: 'object', description: `Whatever the kiosk wants to keep; at most ${metadataBytes} bytes of JSON` });

/** RFC 3339: a date, a time with seconds, and an offset. */
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** Whether it is one is the services' to say; control characters are not even worth the question. */
const id = z.string().regex(/^[\x20-\x7e]{1,64}$/, 'Must be an id');
const email = z.string().min(1).max(254).describe('One mailbox');
const phone = z.string().min(1).max(32).describe('8…, 7…, 9… or +7…, with or without blanks and brackets');
const consent = z.strictObject({ textVersion: z.string().regex(/^[\w.:-]{1,64}$/, 'Must be 1–64 of A–Z, a–z, 0–9, dot, colon, underscore and hyphen'), at: time })
  .describe('Which text the customer agreed to, and when');
const recipients = { email: email.optional(), phone: phone.optional(), consent: consent.optional() };
const contact = z.strictObject(recipients).register(requestNames, { id: 'Contact' });
const kioskId = z.string().regex(/^[\w.-]{1,64}$/, 'Must be 1–64 of A–Z, a–z, 0–9, dot, underscore and hyphen');

const page = {
  createdFrom: time.describe('From this time on').optional(),
  createdTo: time.describe('Before this time').optional(),
  limit: z.string().regex(/^\d{1,3}$/, 'Must be a whole number from 1 to 200').transform(Number).pipe(z.int().min(1).max(200))
    .meta({ type: 'integer', minimum: 1, maximum: 200, default: 50, pattern: undefined }).optional(),
  cursor: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'Must be the nextCursor of the page before').describe('The nextCursor of the page before').optional(),
};

/** For a POST that needs nothing said. */
export const nothing = z.strictObject({}).default({});

export const sessionType = z.enum(['thickness', 'diagnostics']);
export const sessionStatus = z.enum(['active', 'completed', 'expired', 'failed']);

export const createSession = z.strictObject({
  type: sessionType,
  contact: contact.optional(),
  metadata: metadata.optional(),
  ttlMs: z.int().min(1000).max(86_400_000).optional().describe('How long it stays active, in ms; an hour without one'),
  kioskId: kioskId.optional(),
}).register(requestNames, { id: 'NewSession' });

/** RFC 7396: null removes. */
export const updateSession = z.strictObject({
  contact: z.strictObject({ email: email.nullable().optional(), phone: phone.nullable().optional(), consent: consent.nullable().optional() }).nullable().optional(),
  metadata: metadata.optional(),
}).register(requestNames, { id: 'SessionPatch' });

export const completeSession = z.strictObject({ metadata: metadata.optional() }).default({});
export const failSession = z.strictObject({ reason: z.string().min(1).max(200) }).register(requestNames, { id: 'Failure' });
export const listSessions = z.strictObject({ type: sessionType.optional(), status: sessionStatus.optional(), kioskId: kioskId.optional(), ...page });

/** In the order of entries of one millisecond. */
export const auditServices = ['payments', 'reporting', 'sessions'] as const;

export const listAudit = z.strictObject({
  sessionId: id.describe('What was done to this session, its payments, refunds, reports and deliveries').optional(),
  entityId: id.describe('What it was done to: the id of a session, intent, refund, report or delivery').optional(),
  type: z.string().max(100).regex(/^[a-z_]+(\.[a-z_]+)?$/, 'Must be a type such as session.completed').describe('Such as session.completed or intent.confirmed').optional(),
  service: z.enum(auditServices).describe('One service alone').optional(),
  from: time.describe('From this time on').optional(),
  to: time.describe('Before this time').optional(),
  limit: page.limit,
  cursor: page.cursor,
});

export const intentStatus = z.enum(['pending', 'confirmed', 'failed', 'expired']);

export const createIntent = z.strictObject({
  amount: z.int().positive().describe('Minor units: kopecks or cents'),
  currency: z.enum(['RUB', 'USD', 'EUR']),
  sessionId: id,
  description: z.string().max(128).optional(),
  metadata: metadata.optional(),
}).register(requestNames, { id: 'NewIntent' });

export const longestWaitSeconds = 25;

/** Not strict: screens put names of their own there, so that nothing on the way answers from a cache. */
export const intentStatusQuery = z.object({
  wait: z.string().regex(/^\d{1,2}$/, `Must be a whole number from 0 to ${longestWaitSeconds}`).transform(Number).pipe(z.int().min(0).max(longestWaitSeconds))
    .meta({ type: 'integer', minimum: 0, maximum: longestWaitSeconds, default: 0, pattern: undefined })
    .describe('For so many seconds the answer may wait for another status than that of If-None-Match, or than the present one').optional(),
});

export const refundStatus = z.enum(['pending', 'succeeded', 'canceled']);

export const refundIntent = z.strictObject({
  amount: z.int().positive().optional().describe('Minor units; absent: all that is left'),
  reason: z.string().min(1).max(200),
}).register(requestNames, { id: 'NewRefund' });

export const listIntents = z.strictObject({ sessionId: id.optional(), status: intentStatus.optional(), ...page });

export const reportType = z.enum(['diagnostics', 'thickness']);
export const reportStatus = z.enum(['ready', 'failed']);
export const deliveryChannel = z.enum(['email', 'sms']);
export const deliveryStatus = z.enum(['queued', 'sending', 'sent', 'delivered', 'dead']);

export const severity = z.enum(['high', 'medium', 'low']);
export const dtcStatus = z.enum(['stored', 'pending', 'permanent']);
export const vehicleType = z.enum(['sedan', 'hatchback', 'wagon', 'coupe', 'suv', 'minivan']);
export const measurementStatus = z.enum(['normal', 'warning', 'critical']);

// What the values may be is reporting's to say; here they only have to fit the contract's types.
const diagnostics = z.strictObject({
  sessionId: id,
  vehicleMake: z.string(),
  vehicleModel: z.string(),
  year: z.int32().optional(),
  vin: z.string().optional(),
  mileageKm: z.int32().nonnegative().optional(),
  dtcCodes: z.array(z.strictObject({
    code: z.string(), description: z.string().optional().describe('The dictionary\'s without one'), severity: severity.optional(), status: dtcStatus.optional(),
  })),
  milOn: z.boolean().optional(),
  monitors: z.array(z.strictObject({ name: z.string(), ready: z.boolean() })).optional(),
  parameters: z.array(z.strictObject({ name: z.string(), value: z.number(), unit: z.string() })).optional(),
  timestamp: time,
  durationMs: z.int().nonnegative().optional(),
  cleared: z.boolean().optional(),
  clearedAt: time.optional(),
}).register(requestNames, { id: 'Diagnostics' });

const thickness = z.strictObject({
  sessionId: id,
  vehicleType,
  vehicleMake: z.string().optional(),
  vehicleModel: z.string().optional(),
  vin: z.string().optional(),
  measurements: z.array(z.strictObject({
    zone: z.string(),
    value: z.number().nonnegative().describe('µm'),
    point: z.int32().optional(),
    status: measurementStatus.optional(),
  })),
  timestamp: time,
}).register(requestNames, { id: 'Thickness' });

const deliverTo = z.strictObject(recipients).register(requestNames, { id: 'Recipients' }).optional();
export const createDiagnosticsReport = z.strictObject({ data: diagnostics, deliverTo }).register(requestNames, { id: 'NewDiagnosticsReport' });
export const createThicknessReport = z.strictObject({ data: thickness, deliverTo }).register(requestNames, { id: 'NewThicknessReport' });
export const deliverReport = z.strictObject(recipients).refine((to) => to.email !== undefined || to.phone !== undefined, 'Must name an email, a phone or both')
  .meta({ minProperties: 1 }).register(requestNames, { id: 'Recipient' });

export const listDeliveries = z.strictObject({ status: deliveryStatus.optional(), channel: deliveryChannel.optional(), reportId: id.optional(), ...page });
