-- Erasing a customer, and what they agreed to.
ALTER TABLE sessions ADD COLUMN erased_at INTEGER;
-- Which text the customer agreed to, and when: with the contact, and gone with it.
ALTER TABLE sessions ADD COLUMN consent_text_version TEXT;
ALTER TABLE sessions ADD COLUMN consent_at INTEGER;

-- The retention of contacts looks here.
CREATE INDEX sessions_with_contact ON sessions (updated_at) WHERE status <> 'active' AND (email IS NOT NULL OR phone IS NOT NULL);

-- X4: who was erased stays erased.
CREATE TRIGGER sessions_erased BEFORE UPDATE ON sessions
WHEN OLD.erased_at IS NOT NULL AND (NEW.erased_at IS NOT OLD.erased_at OR NEW.email IS NOT NULL OR NEW.phone IS NOT NULL OR NEW.metadata <> '{}'
  OR NEW.consent_text_version IS NOT NULL OR NEW.consent_at IS NOT NULL OR NEW.failure_reason IS NOT OLD.failure_reason)
BEGIN SELECT RAISE(ABORT, 'an erased session stays erased'); END;

-- Every erasure that was asked for, for good: the other services read it, so that one that was away, or was restored from a backup, erases as well.
CREATE TABLE erasures (
  id         TEXT PRIMARY KEY CHECK (id GLOB 'era_*'),
  session_id TEXT NOT NULL UNIQUE,
  -- Whether there was such a session; 0: it was deleted before, or never was.
  known      INTEGER NOT NULL CHECK (known IN (0, 1)),
  asked_at   INTEGER NOT NULL,
  -- When nothing of it was left in this service's files.
  done_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_unfinished ON erasures (asked_at) WHERE done_at IS NULL;

CREATE TRIGGER erasures_kept BEFORE DELETE ON erasures
BEGIN SELECT RAISE(ABORT, 'an erasure is remembered'); END;
CREATE TRIGGER erasures_immutable BEFORE UPDATE OF id, session_id, known, asked_at ON erasures
BEGIN SELECT RAISE(ABORT, 'an erasure is remembered'); END;
