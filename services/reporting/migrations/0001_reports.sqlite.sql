-- Reports and their deliveries. Times are epoch milliseconds. The rules that must hold whatever the code does are here.
CREATE TABLE reports (
  id               TEXT PRIMARY KEY CHECK (id GLOB 'rep_*'),
  session_id       TEXT NOT NULL,
  type             TEXT NOT NULL CHECK (type IN ('thickness', 'diagnostics')),
  status           TEXT NOT NULL CHECK (status IN ('rendering', 'ready', 'failed')),
  kiosk_id         TEXT,
  -- The payment behind the session, once somebody asked for it.
  paid_intent_id   TEXT,
  -- Of the template that made the PDF, or is to make it.
  template_version INTEGER NOT NULL,
  sha256           TEXT CHECK (length(sha256) = 64 AND sha256 NOT GLOB '*[^0-9a-f]*'),
  pages            INTEGER CHECK (pages > 0),
  failure_reason   TEXT,
  -- Renderings that took a worker down with them.
  render_crashes   INTEGER NOT NULL DEFAULT 0,
  created_at       INTEGER NOT NULL,
  ready_at         INTEGER,
  -- When payments was told that the visit has its report.
  recorded_at      INTEGER,
  -- What was found, in one Russian sentence, for the e-mail.
  summary          TEXT NOT NULL,
  -- Everything that the PDF is made of, frozen: the same bytes come out whenever it is made. Last, because it is long and seldom read.
  document         TEXT NOT NULL CHECK (json_type(document) = 'object'),
  CHECK ((status = 'ready') = (sha256 IS NOT NULL AND pages IS NOT NULL AND ready_at IS NOT NULL)),
  CHECK ((status = 'failed') = (failure_reason IS NOT NULL))
) STRICT;
CREATE INDEX reports_by_session ON reports (session_id, id);
-- The job that finishes what a killed process left looks here, and the upgrade that tries failed ones again there.
CREATE INDEX reports_unfinished ON reports (id) WHERE status = 'rendering';
CREATE INDEX reports_failed ON reports (template_version) WHERE status = 'failed';

CREATE INDEX reports_unrecorded ON reports (id) WHERE status = 'ready' AND recorded_at IS NULL;

CREATE TRIGGER reports_born_rendering BEFORE INSERT ON reports WHEN NEW.status <> 'rendering'
BEGIN SELECT RAISE(ABORT, 'a report begins rendering'); END;

-- rendering → ready or failed. The one exit from failed is a newer template.
CREATE TRIGGER reports_forward BEFORE UPDATE OF status ON reports
WHEN NEW.status <> OLD.status AND (OLD.status = 'ready' OR (OLD.status = 'failed' AND (NEW.status <> 'rendering' OR NEW.template_version <= OLD.template_version)))
BEGIN SELECT RAISE(ABORT, 'a report only moves forward'); END;

CREATE TRIGGER reports_immutable BEFORE UPDATE ON reports
WHEN NEW.id <> OLD.id OR NEW.session_id <> OLD.session_id OR NEW.type <> OLD.type OR NEW.kiosk_id IS NOT OLD.kiosk_id OR NEW.created_at <> OLD.created_at
  OR NEW.summary <> OLD.summary OR NEW.document <> OLD.document OR (OLD.paid_intent_id IS NOT NULL AND NEW.paid_intent_id IS NOT OLD.paid_intent_id)
BEGIN SELECT RAISE(ABORT, 'what a report is never changes'); END;

-- D8: a file that people have is the file for good.
CREATE TRIGGER reports_file_immutable BEFORE UPDATE ON reports
WHEN OLD.status = 'ready' AND (NEW.sha256 IS NOT OLD.sha256 OR NEW.pages IS NOT OLD.pages OR NEW.template_version <> OLD.template_version OR NEW.ready_at IS NOT OLD.ready_at)
BEGIN SELECT RAISE(ABORT, 'the file of a ready report never changes'); END;

CREATE TABLE deliveries (
  id                 TEXT PRIMARY KEY CHECK (id GLOB 'dlv_*'),
  report_id          TEXT NOT NULL REFERENCES reports (id),
  channel            TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
  -- D9: one mailbox or one E.164 number, nothing that could break out of a header.
  recipient          TEXT NOT NULL CHECK (instr(recipient, char(0)) = 0 AND recipient NOT GLOB '*[' || char(1) || '-' || char(32) || ',;<>' || char(127) || ']*'),
  -- report: asked for with the report; resend: asked for later
  cause              TEXT NOT NULL CHECK (cause IN ('report', 'resend')),
  -- D4: the same in every attempt.
  message_id         TEXT NOT NULL UNIQUE CHECK (message_id GLOB '<?*@?*>'),
  status             TEXT NOT NULL CHECK (status IN ('queued', 'sending', 'sent', 'delivered', 'dead')),
  attempts           INTEGER NOT NULL DEFAULT 0,
  -- Attempts that may have arrived although we were not told.
  ambiguous_attempts INTEGER NOT NULL DEFAULT 0,
  -- Null while the report is not ready.
  next_attempt_at    INTEGER,
  lease_token        TEXT,
  lease_until        INTEGER,
  last_error         TEXT,
  provider_id        TEXT,
  created_at         INTEGER NOT NULL,
  first_attempt_at   INTEGER,
  sent_at            INTEGER,
  delivered_at       INTEGER,
  dead_at            INTEGER,
  CHECK (channel <> 'email' OR (recipient = lower(recipient) AND recipient GLOB '?*@?*.?*' AND recipient NOT GLOB '*@*@*')),
  CHECK (channel <> 'sms' OR (recipient GLOB '+[1-9]*' AND substr(recipient, 2) NOT GLOB '*[^0-9]*')),
  CHECK ((status = 'sending') = (lease_token IS NOT NULL) AND (status = 'sending') = (lease_until IS NOT NULL)),
  CHECK (status = 'queued' OR next_attempt_at IS NULL),
  CHECK (status NOT IN ('sent', 'delivered') OR sent_at IS NOT NULL),
  CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK ((status = 'dead') = (dead_at IS NOT NULL))
) STRICT;
-- D1: one delivery for each channel that was asked for with the report.
CREATE UNIQUE INDEX deliveries_one_per_channel ON deliveries (report_id, channel) WHERE cause = 'report';
CREATE INDEX deliveries_by_report ON deliveries (report_id, id);
CREATE INDEX deliveries_due ON deliveries (channel, next_attempt_at) WHERE status = 'queued';
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE status = 'sending';
-- The operator's list.
CREATE INDEX deliveries_dead ON deliveries (dead_at) WHERE status = 'dead';

CREATE TRIGGER deliveries_born_queued BEFORE INSERT ON deliveries WHEN NEW.status <> 'queued'
BEGIN SELECT RAISE(ABORT, 'a delivery begins queued'); END;

CREATE TRIGGER deliveries_immutable BEFORE UPDATE ON deliveries
WHEN NEW.id <> OLD.id OR NEW.report_id <> OLD.report_id OR NEW.channel <> OLD.channel OR NEW.recipient <> OLD.recipient OR NEW.cause <> OLD.cause
  OR NEW.message_id <> OLD.message_id OR NEW.created_at <> OLD.created_at OR NEW.attempts < OLD.attempts OR NEW.ambiguous_attempts < OLD.ambiguous_attempts
BEGIN SELECT RAISE(ABORT, 'what a delivery is never changes'); END;

-- queued → sending → sent → delivered, back to queued from sending only, dead from anywhere but delivered; delivered and dead are final.
CREATE TRIGGER deliveries_forward BEFORE UPDATE OF status ON deliveries
WHEN NEW.status <> OLD.status AND NOT (
  (OLD.status = 'queued' AND NEW.status IN ('sending', 'dead')) OR
  (OLD.status = 'sending' AND NEW.status IN ('queued', 'sent', 'dead')) OR
  (OLD.status = 'sent' AND NEW.status IN ('delivered', 'dead')))
BEGIN SELECT RAISE(ABORT, 'a delivery only moves forward'); END;

-- D8: nothing leaves before its file is there.
CREATE TRIGGER deliveries_of_ready_reports BEFORE UPDATE OF status ON deliveries
WHEN NEW.status = 'sending' AND (SELECT status FROM reports WHERE id = NEW.report_id) <> 'ready'
BEGIN SELECT RAISE(ABORT, 'only a ready report is delivered'); END;

-- One caller's key names one request and its report.
CREATE TABLE idempotency_keys (
  caller      TEXT NOT NULL,
  key         TEXT NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
  body_sha256 TEXT NOT NULL CHECK (length(body_sha256) = 64),
  report_id   TEXT NOT NULL REFERENCES reports (id),
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (caller, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

CREATE TRIGGER idempotency_keys_immutable BEFORE UPDATE ON idempotency_keys
BEGIN SELECT RAISE(ABORT, 'a key names one request'); END;

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
