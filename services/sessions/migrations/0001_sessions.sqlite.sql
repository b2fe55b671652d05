-- A visit. Times are epoch milliseconds. The rules that must hold whatever the code does are here.
CREATE TABLE sessions (
  id             TEXT PRIMARY KEY CHECK (id GLOB 'ses_*'),
  type           TEXT NOT NULL CHECK (type IN ('thickness', 'diagnostics')),
  status         TEXT NOT NULL CHECK (status IN ('active', 'completed', 'expired', 'failed')),
  email          TEXT,
  phone          TEXT CHECK (phone GLOB '+[0-9]*'),
  metadata       TEXT NOT NULL CHECK (json_type(metadata) = 'object'),
  kiosk_id       TEXT,
  failure_reason TEXT,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  completed_at   INTEGER,
  expires_at     INTEGER NOT NULL CHECK (expires_at > created_at),
  CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
  CHECK ((status = 'failed') = (failure_reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- S1: completed, expired and failed are final; what a session is never changes.
CREATE TRIGGER sessions_final BEFORE UPDATE OF status ON sessions
WHEN OLD.status <> 'active' AND NEW.status <> OLD.status
BEGIN SELECT RAISE(ABORT, 'a final session stays as it is'); END;

CREATE TRIGGER sessions_immutable BEFORE UPDATE OF id, type, kiosk_id, created_at, expires_at ON sessions
WHEN NEW.id <> OLD.id OR NEW.type <> OLD.type OR NEW.kiosk_id IS NOT OLD.kiosk_id OR NEW.created_at <> OLD.created_at OR NEW.expires_at <> OLD.expires_at
BEGIN SELECT RAISE(ABORT, 'what a session is never changes'); END;

-- The sweep takes due rows by this one; with an index on expires_at alone the planner scans.
CREATE INDEX sessions_due ON sessions (status, expires_at);
CREATE INDEX sessions_old ON sessions (status, updated_at);
-- Ids sort by time, so these serve the filtered lists, newest first.
CREATE INDEX sessions_by_status ON sessions (status, id);
CREATE INDEX sessions_by_type ON sessions (type, id);
CREATE INDEX sessions_by_kiosk ON sessions (kiosk_id, id);

-- Who did what, appended in the transaction that did it. No contact is ever written here.
CREATE TABLE audit_logs (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  at         INTEGER NOT NULL,
  event      TEXT NOT NULL,
  entity_id  TEXT NOT NULL,
  details    TEXT NOT NULL CHECK (json_valid(details)),
  request_id TEXT NOT NULL,
  caller     TEXT NOT NULL,
  ip         TEXT,
  user_agent TEXT
) STRICT;
CREATE INDEX audit_logs_by_entity ON audit_logs (entity_id, id);
CREATE INDEX audit_logs_by_time ON audit_logs (at);

CREATE TRIGGER audit_logs_append_only BEFORE UPDATE ON audit_logs
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
