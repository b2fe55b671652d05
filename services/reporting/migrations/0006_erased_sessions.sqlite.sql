-- X4: sessions whose customer was erased: they get no report any more. `done_at`: when nothing of it was left in this service's files.
CREATE TABLE erased_sessions (
  session_id TEXT PRIMARY KEY,
  at         INTEGER NOT NULL,
  done_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX erased_sessions_unfinished ON erased_sessions (at) WHERE done_at IS NULL;

CREATE TRIGGER erased_sessions_kept BEFORE DELETE ON erased_sessions
BEGIN SELECT RAISE(ABORT, 'an erasure is remembered'); END;

CREATE TRIGGER reports_of_erased BEFORE INSERT ON reports WHEN EXISTS (SELECT 1 FROM erased_sessions WHERE session_id = NEW.session_id)
BEGIN SELECT RAISE(ABORT, 'an erased session gets no report'); END;

CREATE TRIGGER deliveries_of_erased BEFORE INSERT ON deliveries WHEN (SELECT erased_at FROM reports WHERE id = NEW.report_id) IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'an erased report is not delivered'); END;
