-- Links that open a report, providers by name, what they say afterwards, and erasure. SQLite cannot change a CHECK, so deliveries is made anew.
ALTER TABLE reports ADD COLUMN erased_at INTEGER;
CREATE INDEX reports_to_erase ON reports (created_at) WHERE erased_at IS NULL;

DROP TRIGGER reports_immutable;
CREATE TRIGGER reports_immutable BEFORE UPDATE ON reports
WHEN NEW.id <> OLD.id OR NEW.session_id <> OLD.session_id OR NEW.type <> OLD.type OR NEW.kiosk_id IS NOT OLD.kiosk_id OR NEW.created_at <> OLD.created_at
  OR (OLD.paid_intent_id IS NOT NULL AND NEW.paid_intent_id IS NOT OLD.paid_intent_id) OR (OLD.erased_at IS NOT NULL AND NEW.erased_at IS NOT OLD.erased_at)
  OR ((NEW.summary <> OLD.summary OR NEW.document <> OLD.document) AND NOT (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL AND NEW.summary = '' AND NEW.document = '{}'))
BEGIN SELECT RAISE(ABORT, 'what a report is never changes'); END;

CREATE TABLE deliveries_2 (
  id                 TEXT PRIMARY KEY CHECK (id GLOB 'dlv_*'),
  report_id          TEXT NOT NULL REFERENCES reports (id),
  channel            TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
  -- D9: one mailbox or one E.164 number, nothing that could break out of a header. Empty once it is erased.
  recipient          TEXT NOT NULL CHECK (instr(recipient, char(0)) = 0 AND recipient NOT GLOB '*[' || char(1) || '-' || char(32) || ',;<>' || char(127) || ']*'),
  -- report: asked for with the report, or instead of what was; resend: asked for later
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
  -- Of the last attempt, and that provider's number for the message.
  provider           TEXT,
  provider_id        TEXT,
  -- When the provider is to be asked what became of the message; null where it tells by itself, or no longer matters.
  ask_at             INTEGER,
  created_at         INTEGER NOT NULL,
  first_attempt_at   INTEGER,
  sent_at            INTEGER,
  delivered_at       INTEGER,
  dead_at            INTEGER,
  -- D5: when it was seen to that the other channel is tried in its place, or that there is none.
  rerouted_at        INTEGER,
  erased_at          INTEGER,
  CHECK ((recipient = '') = (erased_at IS NOT NULL)),
  CHECK (erased_at IS NULL OR status <> 'queued'),
  CHECK (channel <> 'email' OR recipient = '' OR (recipient = lower(recipient) AND recipient GLOB '?*@?*.?*' AND recipient NOT GLOB '*@*@*')),
  CHECK (channel <> 'sms' OR recipient = '' OR (recipient GLOB '+[1-9]*' AND substr(recipient, 2) NOT GLOB '*[^0-9]*')),
  CHECK ((status = 'sending') = (lease_token IS NOT NULL) AND (status = 'sending') = (lease_until IS NOT NULL)),
  CHECK (status = 'queued' OR next_attempt_at IS NULL),
  CHECK (status = 'sent' OR ask_at IS NULL),
  CHECK (status NOT IN ('sent', 'delivered') OR sent_at IS NOT NULL),
  CHECK ((status = 'delivered') = (delivered_at IS NOT NULL)),
  CHECK ((status = 'dead') = (dead_at IS NOT NULL)),
  CHECK (rerouted_at IS NULL OR status = 'dead')
) STRICT;
INSERT INTO deliveries_2 (id, report_id, channel, recipient, cause, message_id, status, attempts, ambiguous_attempts, next_attempt_at, lease_token, lease_until,
    last_error, provider_id, created_at, first_attempt_at, sent_at, delivered_at, dead_at, rerouted_at)
  SELECT id, report_id, channel, recipient, cause, message_id, status, attempts, ambiguous_attempts, next_attempt_at, lease_token, lease_until,
    last_error, provider_id, created_at, first_attempt_at, sent_at, delivered_at, dead_at, dead_at FROM deliveries;
DROP TABLE deliveries;
ALTER TABLE deliveries_2 RENAME TO deliveries;

-- D1: one delivery for each channel that was asked for with the report.
CREATE UNIQUE INDEX deliveries_one_per_channel ON deliveries (report_id, channel) WHERE cause = 'report';
CREATE INDEX deliveries_by_report ON deliveries (report_id, id);
CREATE INDEX deliveries_due ON deliveries (channel, next_attempt_at) WHERE status = 'queued';
CREATE INDEX deliveries_leased ON deliveries (lease_until) WHERE status = 'sending';
CREATE INDEX deliveries_to_ask ON deliveries (ask_at) WHERE ask_at IS NOT NULL;
CREATE INDEX deliveries_by_provider ON deliveries (provider_id) WHERE provider_id IS NOT NULL;
-- What a phone has had lately.
CREATE INDEX deliveries_by_phone ON deliveries (recipient, first_attempt_at) WHERE channel = 'sms';
-- The operator's list.
CREATE INDEX deliveries_dead ON deliveries (dead_at) WHERE status = 'dead';
CREATE INDEX deliveries_to_reroute ON deliveries (dead_at) WHERE status = 'dead' AND cause = 'report' AND rerouted_at IS NULL;
CREATE INDEX deliveries_to_erase ON deliveries (created_at) WHERE erased_at IS NULL;

CREATE TRIGGER deliveries_born_queued BEFORE INSERT ON deliveries WHEN NEW.status <> 'queued'
BEGIN SELECT RAISE(ABORT, 'a delivery begins queued'); END;

CREATE TRIGGER deliveries_immutable BEFORE UPDATE ON deliveries
WHEN NEW.id <> OLD.id OR NEW.report_id <> OLD.report_id OR NEW.channel <> OLD.channel OR NEW.cause <> OLD.cause
  OR (NEW.recipient <> OLD.recipient AND NEW.recipient <> '') OR (OLD.erased_at IS NOT NULL AND NEW.erased_at IS NOT OLD.erased_at)
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

-- D10: a link is known by the hash of its token, so that who reads the database cannot open it.
CREATE TABLE report_links (
  token_sha256   TEXT PRIMARY KEY CHECK (length(token_sha256) = 64 AND token_sha256 NOT GLOB '*[^0-9a-f]*'),
  report_id      TEXT NOT NULL REFERENCES reports (id),
  delivery_id    TEXT NOT NULL REFERENCES deliveries (id),
  created_at     INTEGER NOT NULL,
  expires_at     INTEGER NOT NULL CHECK (expires_at > created_at),
  revoked_at     INTEGER,
  opened         INTEGER NOT NULL DEFAULT 0,
  last_opened_at INTEGER,
  CHECK ((opened = 0) = (last_opened_at IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX report_links_by_report ON report_links (report_id);
CREATE INDEX report_links_by_expiry ON report_links (expires_at);

CREATE TRIGGER report_links_immutable BEFORE UPDATE ON report_links
WHEN NEW.token_sha256 <> OLD.token_sha256 OR NEW.report_id <> OLD.report_id OR NEW.delivery_id <> OLD.delivery_id OR NEW.created_at <> OLD.created_at
  OR NEW.expires_at <> OLD.expires_at OR NEW.opened < OLD.opened OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS NOT OLD.revoked_at)
BEGIN SELECT RAISE(ABORT, 'a link never changes, and a revoked one stays revoked'); END;
