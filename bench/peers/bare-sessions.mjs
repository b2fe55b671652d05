/**
 * What every bare peer does about sessions: hand-written checks, one prepared statement, a commit for each request. No audit, no schema library, no log.
 * A session travels between a peer's processes as its row.
 */
import Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';

export class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function check(isRight, name) {
  if (!isRight) throw new Refusal(400, `${name} is not right`);
}

/** `synchronous` is NORMAL or FULL; it is read back, because better-sqlite3's build falls back to NORMAL once the schema exists. */
export function openFile(file, { synchronous, schema }) {
  const database = new Database(file);
  database.pragma('journal_mode = WAL');
  database.exec(schema);
  database.pragma(`synchronous = ${synchronous}`);
  const level = database.pragma('synchronous', { simple: true });
  if (level !== { NORMAL: 1, FULL: 2 }[synchronous]) throw new Error(`synchronous is ${String(level)}, not ${synchronous}`);
  return database;
}

export const sessionsSchema = `
  CREATE TABLE sessions (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, status TEXT NOT NULL, email TEXT, phone TEXT, metadata TEXT NOT NULL, kiosk_id TEXT,
    created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX sessions_due ON sessions (status, expires_at);
`;

export function sessionsIn(database) {
  const insert = database.prepare('INSERT INTO sessions VALUES (:id, :type, :status, :email, :phone, :metadata, :kiosk_id, :created_at, :expires_at)');
  const select = database.prepare('SELECT * FROM sessions WHERE id = ?');
  return {
    /** Takes what `askedFor` gives. */
    create(asked) {
      const now = Date.now();
      const session = { id: newId('ses'), status: 'active', ...asked, created_at: now, expires_at: now + 3_600_000 };
      insert.run(session);
      return session;
    },

    get(id) {
      const session = select.get(id);
      if (!session) throw new Refusal(404, 'there is no such session');
      return session.expires_at <= Date.now() ? { ...session, status: 'expired' } : session;
    },
  };
}

export function newId(prefix) {
  return `${prefix}_${Date.now().toString(36)}${randomUUID().replaceAll('-', '').slice(0, 18)}`;
}

/** The body of a create as the columns it fills. Fails with a Refusal. */
export function askedFor({ type, contact, metadata = {}, kioskId }) {
  check(type === 'thickness' || type === 'diagnostics', 'type');
  check(typeof kioskId === 'string', 'kioskId');
  check(typeof contact?.email === 'string' && typeof contact.phone === 'string', 'contact');
  const email = contact.email.toLowerCase();
  const phone = contact.phone.replace(/\D/g, '').replace(/^[78]?(?=\d{10}$)/, '+7');
  check(/^[^@\s]+@[^@\s]+$/.test(email), 'email');
  check(/^\+7\d{10}$/.test(phone), 'phone');
  return { type, email, phone, metadata: JSON.stringify(metadata), kiosk_id: kioskId };
}

export function sessionJson({ id, type, status, email, phone, metadata, kiosk_id, created_at, expires_at }) {
  return {
    id, type, status, contact: { email, phone }, metadata: JSON.parse(metadata), kioskId: kiosk_id,
    createdAt: new Date(created_at).toISOString(), updatedAt: new Date(created_at).toISOString(), expiresAt: new Date(expires_at).toISOString(),
  };
}

/** Tells the bench that this process is up, and ends it with the bench. */
export function ready() {
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
}
