/** Every body and query of the API. Unknown fields are refused everywhere but inside `metadata`. */
import { z } from 'zod';

const metadataBytes = 16 * 1024;

// Kept as it is, not copied: a copy would lose names such as __proto__.
const metadata = z.custom<object>((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'Must be a JSON object')
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= metadataBytes, `Must be at most ${metadataBytes} bytes`);

/** RFC 3339: a date, a time with seconds, and an offset. */
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));

/** Whether it is one is the services' to say; control characters are not even worth the question. */
const id = z.string().regex(/^[\x20-\x7e]{1,64}$/, 'Must be an id');
const email = z.string().min(1).max(254);
const phone = z.string().min(1).max(32);
const contact = z.strictObject({ email: email.optional(), phone: phone.optional() });
const kioskId = z.string().regex(/^[\w.-]{1,64}$/, 'Must be 1–64 of A–Z, a–z, 0–9, dot, underscore and hyphen');

const page = {
  createdFrom: time.optional(),
  createdTo: time.optional(),
  limit: z.string().regex(/^\d{1,3}$/, 'Must be a whole number from 1 to 200').transform(Number).pipe(z.int().min(1).max(200)).optional(),
  cursor: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'Must be the nextCursor of the page before').optional(),
};

/** For a POST that needs nothing said. */
export const nothing = z.strictObject({}).default({});

export const sessionType = z.enum(['thickness', 'diagnostics']);
export const sessionStatus = z.enum(['active', 'completed', 'expired', 'failed']);

export const createSession = z.strictObject({
  type: sessionType,
  contact: contact.optional(),
  metadata: metadata.optional(),
  ttlMs: z.int().min(1000).max(86_400_000).optional(),
  kioskId: kioskId.optional(),
});

/** RFC 7396: null removes. */
export const updateSession = z.strictObject({
  contact: z.strictObject({ email: email.nullable().optional(), phone: phone.nullable().optional() }).nullable().optional(),
  metadata: metadata.optional(),
});

export const completeSession = z.strictObject({ metadata: metadata.optional() }).default({});
export const failSession = z.strictObject({ reason: z.string().min(1).max(200) });
export const listSessions = z.strictObject({ type: sessionType.optional(), status: sessionStatus.optional(), kioskId: kioskId.optional(), ...page });

export const intentStatus = z.enum(['pending', 'confirmed', 'failed', 'expired']);

export const createIntent = z.strictObject({
  /** Minor units: kopecks or cents. */
  amount: z.int().positive(),
  currency: z.enum(['RUB', 'USD', 'EUR']),
  sessionId: id,
  description: z.string().max(128).optional(),
  metadata: metadata.optional(),
});

export const refundIntent = z.strictObject({
  /** Minor units; absent: all that is left. */
  amount: z.int().positive().optional(),
  reason: z.string().min(1).max(200),
});

export const listIntents = z.strictObject({ sessionId: id.optional(), status: intentStatus.optional(), ...page });

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
    code: z.string(), description: z.string().optional(), severity: severity.optional(), status: dtcStatus.optional(),
  })),
  milOn: z.boolean().optional(),
  monitors: z.array(z.strictObject({ name: z.string(), ready: z.boolean() })).optional(),
  parameters: z.array(z.strictObject({ name: z.string(), value: z.number(), unit: z.string() })).optional(),
  timestamp: time,
  durationMs: z.int().nonnegative().optional(),
  cleared: z.boolean().optional(),
  clearedAt: time.optional(),
});

const thickness = z.strictObject({
  sessionId: id,
  vehicleType,
  vehicleMake: z.string().optional(),
  vehicleModel: z.string().optional(),
  vin: z.string().optional(),
  measurements: z.array(z.strictObject({
    zone: z.string(),
    /** µm. */
    value: z.number().nonnegative(),
    point: z.int32().optional(),
    status: measurementStatus.optional(),
  })),
  timestamp: time,
});

export const createDiagnosticsReport = z.strictObject({ data: diagnostics, deliverTo: contact.optional() });
export const createThicknessReport = z.strictObject({ data: thickness, deliverTo: contact.optional() });
export const deliverReport = contact.refine((to) => to.email !== undefined || to.phone !== undefined, 'Must name an email, a phone or both');
