/** The sessions service's store with opening and reading a session prepared by hand; the rest is the store's own. */
import { invalid, notFound } from '@kiosk/fault';
import type { Events } from '../../../services/sessions/src/events.ts';
import type { Session } from '../../../services/sessions/src/session.ts';
import { Store as KyselyStore, sessionOf, toRow, type Key, type Origin, type Rows, type Scope, type SessionRow } from '../../../services/sessions/src/store.ts';
import { prepared } from './raw-connections.ts';

export * from '../../../services/sessions/src/store.ts';

const byId = prepared('reader', 'SELECT * FROM sessions WHERE id = ?');
const byKey = prepared('writer', 'SELECT sessions.*, body_sha256 FROM idempotency_keys JOIN sessions ON sessions.id = session_id WHERE caller = ? AND key = ?');
const insertSession = prepared('writer', `INSERT INTO sessions (id, type, status, email, phone, metadata, kiosk_id, failure_reason, created_at, updated_at, completed_at, expires_at,
  erased_at, consent_text_version, consent_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
const insertKey = prepared('writer', 'INSERT INTO idempotency_keys (caller, key, body_sha256, session_id, created_at) VALUES (?, ?, ?, ?, ?)');

export class Store extends KyselyStore {
  readonly #rows: Rows;
  readonly #events: Events;

  constructor(parts: { database: Rows; events: Events }) {
    super(parts);
    this.#rows = parts.database;
    this.#events = parts.events;
  }

  override async open(session: Session, { key, origin }: { key?: Key; origin: Origin }): Promise<Session> {
    return this.#rows.transaction(async (tx) => {
      if (key) {
        const opened = byKey().get(key.caller, key.key) as (SessionRow & { body_sha256: string | null }) | undefined;
        if (opened && (opened.body_sha256 ?? key.bodySha256) !== key.bodySha256) throw invalid('idempotency_key_reused', 'This Idempotency-Key was used for another request.');
        if (opened) return sessionOf(opened, session.createdAt);
      }
      // In the order of the columns above.
      insertSession().run(...Object.values(toRow(session)));
      if (key) insertKey().run(key.caller, key.key, key.bodySha256, session.id, session.createdAt);
      await this.#events.created(tx, session, origin);
      return session;
    });
  }

  override async get(id: string, scope: Scope, now: number): Promise<Session> {
    const row = byId().get(id) as SessionRow | undefined;
    if (!row || (scope !== undefined && row.kiosk_id !== scope)) throw notFound('session_not_found', 'There is no such session.');
    return sessionOf(row, now);
  }
}
