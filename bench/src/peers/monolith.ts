/**
 * A peer: the same calls in one process, Express over better-sqlite3, a commit for each request. `monolith.ts <port> <file> NORMAL|FULL`.
 * It is bare on purpose: no log, metrics, spans, audit, request ids, limits or schema library, and Express' costly default ETag is off.
 */
import Database from 'better-sqlite3';
import express from 'express';
import { createHash, randomUUID } from 'node:crypto';

const [port, file = '', synchronous = ''] = process.argv.slice(2);
const database = new Database(file);
database.pragma('journal_mode = WAL');
database.exec(`
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, status TEXT NOT NULL, email TEXT, phone TEXT, metadata TEXT NOT NULL, kiosk_id TEXT,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_due ON sessions (status, expires_at);
  CREATE TABLE intents (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, description TEXT,
    metadata TEXT NOT NULL, qr_code_data TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX intents_one_pending ON intents (session_id) WHERE status = 'pending';
  CREATE INDEX intents_due ON intents (status, expires_at);
  CREATE TABLE keys (key TEXT PRIMARY KEY, body TEXT NOT NULL, intent_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
`);
// After the schema: see the remark on better-sqlite3's default in libs/database.
database.pragma(`synchronous = ${synchronous}`);
const level = database.pragma('synchronous', { simple: true });
if (level !== { NORMAL: 1, FULL: 2 }[synchronous]) throw new Error(`synchronous is ${String(level)}, not ${synchronous}`);

type Session = {
  id: string; type: string; status: string; email: string; phone: string; metadata: string; kiosk_id: string;
  created_at: number; expires_at: number;
};
type Intent = {
  id: string; session_id: string; amount: number; currency: string; status: string; description: string | null; metadata: string;
  qr_code_data: string; created_at: number; expires_at: number;
};
const insertSession = database.prepare<[Session]>(
  'INSERT INTO sessions VALUES (:id, :type, :status, :email, :phone, :metadata, :kiosk_id, :created_at, :expires_at)');
const selectSession = database.prepare<[string], Session>('SELECT * FROM sessions WHERE id = ?');
const insertIntent = database.prepare<[Intent]>(
  'INSERT INTO intents VALUES (:id, :session_id, :amount, :currency, :status, :description, :metadata, :qr_code_data, :created_at, :expires_at)');
const selectIntent = database.prepare<[string], Intent>('SELECT * FROM intents WHERE id = ?');
const insertKey = database.prepare<[string, string, string]>('INSERT INTO keys VALUES (?, ?, ?)');
const selectKey = database.prepare<[string], { body: string; intent_id: string }>('SELECT body, intent_id FROM keys WHERE key = ?');

class Refusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

function newId(prefix: string): string {
  return `${prefix}_${Date.now().toString(36)}${randomUUID().replaceAll('-', '').slice(0, 18)}`;
}

function check(isRight: boolean, name: string): void {
  if (!isRight) throw new Refusal(400, `${name} is not right`);
}

type SessionBody = { type: string; contact: { email: string; phone: string }; metadata?: object; kioskId: string };
type IntentBody = { amount: number; currency: string; sessionId: string; description?: string; metadata?: object };

function createSession(body: SessionBody): Session {
  const { type, contact, metadata = {}, kioskId } = body;
  check(type === 'thickness' || type === 'diagnostics', 'type');
  check(typeof kioskId === 'string', 'kioskId');
  check(typeof contact?.email === 'string' && typeof contact.phone === 'string', 'contact');
  const email = contact.email.toLowerCase();
  const phone = contact.phone.replace(/\D/g, '').replace(/^[78]?(?=\d{10}$)/, '+7');
  check(/^[^@\s]+@[^@\s]+$/.test(email), 'email');
  check(/^\+7\d{10}$/.test(phone), 'phone');
  const now = Date.now();
  const session = {
    id: newId('ses'), type, status: 'active', email, phone, metadata: JSON.stringify(metadata), kiosk_id: kioskId,
    created_at: now, expires_at: now + 3_600_000,
  };
  insertSession.run(session);
  return session;
}

function activeSession(id: string): Session {
  const session = selectSession.get(id);
  if (!session) throw new Refusal(404, 'there is no such session');
  return session.expires_at <= Date.now() ? { ...session, status: 'expired' } : session;
}

const createIntent = database.transaction((key: string, body: IntentBody): Intent => {
  const { amount, currency, sessionId, description, metadata = {} } = body;
  check(Number.isSafeInteger(amount) && amount > 0, 'amount');
  check(['RUB', 'USD', 'EUR'].includes(currency), 'currency');
  check(typeof sessionId === 'string', 'sessionId');
  const bodySha256 = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const known = selectKey.get(key);
  if (known && known.body !== bodySha256) throw new Refusal(422, 'the key was used for another request');
  if (known) return selectIntent.get(known.intent_id)!;
  const session = activeSession(sessionId);
  if (session.status !== 'active') throw new Refusal(409, 'the session has ended');
  const now = Date.now();
  const id = newId('pay');
  const intent = {
    id, session_id: session.id, amount, currency, status: 'pending', description: description ?? null, metadata: JSON.stringify(metadata),
    qr_code_data: `https://qr.dev.invalid/${id}?sum=${amount}&cur=${currency}`, created_at: now, expires_at: now + 600_000,
  };
  insertIntent.run(intent);
  insertKey.run(key, bodySha256, id);
  return intent;
});

function sessionJson({ id, type, status, email, phone, metadata, kiosk_id, created_at, expires_at }: Session) {
  return {
    id, type, status, contact: { email, phone }, metadata: JSON.parse(metadata) as object, kioskId: kiosk_id,
    createdAt: new Date(created_at).toISOString(), updatedAt: new Date(created_at).toISOString(), expiresAt: new Date(expires_at).toISOString(),
  };
}

function intentJson({ id, session_id, amount, currency, status, description, metadata, qr_code_data, created_at, expires_at }: Intent) {
  return {
    intentId: id, sessionId: session_id, amount, currency, status, provider: 'dev', qrCodeData: qr_code_data, qrCodeUrl: `/api/payments/qr/${id}.svg`,
    description, metadata: JSON.parse(metadata) as object, refundedAmount: 0, refunds: [],
    createdAt: new Date(created_at).toISOString(), updatedAt: new Date(created_at).toISOString(), expiresAt: new Date(expires_at).toISOString(),
  };
}

const app = express();
app.set('etag', false);
app.disable('x-powered-by');
app.use(express.json());
app.post('/api/sessions', (request, response) => void response.status(201).json(sessionJson(createSession(request.body as SessionBody))));
app.get('/api/sessions/:id', (request, response) => void response.json(sessionJson(activeSession(request.params.id))));
app.post('/api/payments/intent', (request, response) => {
  const key = request.get('idempotency-key') ?? '';
  check(key !== '', 'Idempotency-Key');
  response.status(201).json(intentJson(createIntent.immediate(key, request.body as IntentBody)));
});
app.use(((error: Error, _request, response, _next) => {
  response.status(error instanceof Refusal ? error.status : 500).json({ title: error.message });
}) satisfies express.ErrorRequestHandler);
app.listen(Number(port), '127.0.0.1', () => process.send?.('ready'));
process.on('disconnect', () => process.exit());
