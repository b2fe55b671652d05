-- Which session belongs to a caller's key: a kiosk repeats what a bad line has swallowed.
CREATE TABLE idempotency_keys (
  caller      TEXT NOT NULL,
  key         TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  -- Null once the contact is gone, which could be guessed from it: whatever comes with the key is then answered.
  body_sha256 TEXT CHECK (length(body_sha256) = 64),
  session_id  TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_session ON idempotency_keys (session_id);
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

-- X4: a hash over a phone number is a phone number to whoever tries them all.
CREATE TRIGGER idempotency_keys_forget AFTER UPDATE OF email, phone ON sessions
WHEN NEW.email IS NULL AND NEW.phone IS NULL AND (OLD.email IS NOT NULL OR OLD.phone IS NOT NULL)
BEGIN UPDATE idempotency_keys SET body_sha256 = NULL WHERE session_id = NEW.id; END;
