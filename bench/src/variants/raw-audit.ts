/** libs/database with an appendAudit that is prepared by hand. */
import type { AuditEntry } from '@kiosk/database';
import { auditHash, type AuditRow } from '../../../libs/database/src/audit.ts';
import { prepared } from './raw-connections.ts';

export * from '@kiosk/database';

const head = prepared('writer', 'SELECT id, hash FROM audit_logs ORDER BY id DESC LIMIT 1');
const anchor = prepared('writer', 'SELECT last_id AS id, hash FROM audit_anchor');
const insert = prepared('writer', 'INSERT INTO audit_logs (id, at, event, entity_id, details, request_id, caller, ip, user_agent, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');

export async function appendAudit(_tx: unknown, { at, event, entityId, details, requestId, caller }: AuditEntry): Promise<void> {
  const before = (head().get() ?? anchor().get() ?? { id: 0, hash: '' }) as Pick<AuditRow, 'id' | 'hash'>;
  const row = {
    id: before.id + 1, at, event, entity_id: entityId, details: JSON.stringify(details), request_id: requestId, caller: `${caller.role}:${caller.name}`,
    ip: caller.ip ?? null, user_agent: caller.userAgent ?? null,
  };
  insert().run(...Object.values(row), auditHash(before.hash, row));
}
