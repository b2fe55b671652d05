-- The audit becomes a chain (libs/database, audit.ts): what was changed, removed, put in or moved afterwards is found. Rows from before have no hash.
ALTER TABLE audit_logs ADD COLUMN hash TEXT NOT NULL DEFAULT '';
-- The operator's list: by type, newest first.
CREATE INDEX audit_logs_by_event ON audit_logs (event, at);

-- The last of the rows that the retention removed. Those that are there follow it.
CREATE TABLE audit_anchor (
  one     INTEGER PRIMARY KEY CHECK (one = 1),
  last_id INTEGER NOT NULL,
  hash    TEXT NOT NULL
) STRICT;
INSERT INTO audit_anchor SELECT 1, gone, '' FROM (SELECT coalesce((SELECT min(id) - 1 FROM audit_logs), seq) AS gone FROM sqlite_sequence WHERE name = 'audit_logs')
WHERE gone > 0;

CREATE TRIGGER audit_logs_chained BEFORE INSERT ON audit_logs
WHEN length(NEW.hash) <> 64 OR NEW.id <> 1 + coalesce((SELECT max(id) FROM audit_logs), (SELECT last_id FROM audit_anchor), 0)
BEGIN SELECT RAISE(ABORT, 'a row of the audit follows the one before it'); END;

CREATE TRIGGER audit_logs_pruned_only BEFORE DELETE ON audit_logs
WHEN OLD.id > coalesce((SELECT last_id FROM audit_anchor), 0)
BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;

CREATE TRIGGER audit_anchor_forward BEFORE UPDATE ON audit_anchor
WHEN NEW.last_id < OLD.last_id OR NEW.last_id >= (SELECT max(id) FROM audit_logs)
BEGIN SELECT RAISE(ABORT, 'the audit is pruned from its oldest row on'); END;

CREATE TRIGGER audit_anchor_kept BEFORE DELETE ON audit_anchor
BEGIN SELECT RAISE(ABORT, 'the audit is pruned from its oldest row on'); END;
