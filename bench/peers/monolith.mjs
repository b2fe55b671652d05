/**
 * A peer: everything in one process, Express over better-sqlite3, a commit for each request. `monolith.mjs <port> <file> NORMAL|FULL`.
 * It is bare on purpose: no log, metrics, spans, audit, request ids, limits or schema library, and Express' costly default ETag is off.
 */
import express from 'express';
import { createHash } from 'node:crypto';
import { askedFor, check, newId, openFile, ready, Refusal, sessionJson, sessionsIn, sessionsSchema } from './bare-sessions.mjs';

const [port, file, synchronous] = process.argv.slice(2);
const database = openFile(file, { synchronous, schema: `${sessionsSchema}
  CREATE TABLE intents (
    id TEXT PRIMARY KEY, session_id TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, status TEXT NOT NULL, description TEXT,
    metadata TEXT NOT NULL, qr_code_data TEXT NOT NULL, created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX intents_one_pending ON intents (session_id) WHERE status = 'pending';
  CREATE INDEX intents_due ON intents (status, expires_at);
  CREATE TABLE keys (key TEXT PRIMARY KEY, body TEXT NOT NULL, intent_id TEXT NOT NULL) STRICT, WITHOUT ROWID;
` });
const sessions = sessionsIn(database);
const insertIntent = database.prepare(
  'INSERT INTO intents VALUES (:id, :session_id, :amount, :currency, :status, :description, :metadata, :qr_code_data, :created_at, :expires_at)');
const selectIntent = database.prepare('SELECT * FROM intents WHERE id = ?');
const insertKey = database.prepare('INSERT INTO keys VALUES (?, ?, ?)');
const selectKey = database.prepare('SELECT body, intent_id FROM keys WHERE key = ?');

const createIntent = database.transaction((key, body) => {
  const { amount, currency, sessionId, description, metadata = {} } = body;
  check(Number.isSafeInteger(amount) && amount > 0, 'amount');
  check(['RUB', 'USD', 'EUR'].includes(currency), 'currency');
  check(typeof sessionId === 'string', 'sessionId');
  const bodySha256 = createHash('sha256').update(JSON.stringify(body)).digest('hex');
  const known = selectKey.get(key);
  if (known && known.body !== bodySha256) throw new Refusal(422, 'the key was used for another request');
  if (known) return selectIntent.get(known.intent_id);
  const session = sessions.get(sessionId);
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

function intentJson({ id, session_id, amount, currency, status, description, metadata, qr_code_data, created_at, expires_at }) {
  return {
    intentId: id, sessionId: session_id, amount, currency, status, provider: 'dev', qrCodeData: qr_code_data, qrCodeUrl: `/api/payments/qr/${id}.svg`,
    description, metadata: JSON.parse(metadata), refundedAmount: 0, refunds: [],
    createdAt: new Date(created_at).toISOString(), updatedAt: new Date(created_at).toISOString(), expiresAt: new Date(expires_at).toISOString(),
  };
}

const app = express();
app.set('etag', false);
app.disable('x-powered-by');
app.use(express.json());
app.post('/api/sessions', (request, response) => void response.status(201).json(sessionJson(sessions.create(askedFor(request.body)))));
app.get('/api/sessions/:id', (request, response) => void response.json(sessionJson(sessions.get(request.params.id))));
app.post('/api/payments/intent', (request, response) => {
  const key = request.get('idempotency-key') ?? '';
  check(key !== '', 'Idempotency-Key');
  response.status(201).json(intentJson(createIntent.immediate(key, request.body)));
});
app.get('/api/payments/status/:id', (request, response) => {
  const intent = selectIntent.get(request.params.id);
  if (!intent) throw new Refusal(404, 'there is no such intent');
  const { intentId, status, updatedAt } = intentJson(intent);
  response.json({ intentId, status, final: false, updatedAt });
});
app.use((error, _request, response, _next) => {
  response.status(error.status ?? 500).json({ title: error.message });
});
app.listen(Number(port), '127.0.0.1', ready);
