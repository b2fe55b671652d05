-- What payments keeps of a customer goes after its time, or when the session is erased; the money rows stay.
ALTER TABLE intents ADD COLUMN erased_at INTEGER;
CREATE INDEX intents_to_erase ON intents (created_at) WHERE erased_at IS NULL;

-- X4: sessions whose customer was erased. `done_at`: when nothing of it was left in this service's files; a request whose outcome at the PSP is not known yet
-- is kept until it is, because only the same bytes find that out (P10).
CREATE TABLE erased_sessions (
  session_id TEXT PRIMARY KEY,
  at         INTEGER NOT NULL,
  done_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_sessions_unfinished ON erased_sessions (at) WHERE done_at IS NULL;

CREATE TRIGGER erased_sessions_kept BEFORE DELETE ON erased_sessions
BEGIN SELECT RAISE(ABORT, 'an erasure is remembered'); END;

CREATE TRIGGER intents_of_erased BEFORE INSERT ON intents WHEN EXISTS (SELECT 1 FROM erased_sessions WHERE session_id = NEW.session_id)
BEGIN SELECT RAISE(ABORT, 'an erased session takes no payment'); END;

CREATE TRIGGER intents_erased BEFORE UPDATE ON intents
WHEN OLD.erased_at IS NOT NULL AND (NEW.erased_at IS NOT OLD.erased_at OR NEW.description IS NOT NULL OR NEW.metadata <> '{}')
BEGIN SELECT RAISE(ABORT, 'what was erased stays erased'); END;
