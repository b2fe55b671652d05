-- Payment intents. Times are epoch milliseconds, money is integer minor units. The rules that must hold whatever the code does are here.
CREATE TABLE intents (
  id               TEXT PRIMARY KEY CHECK (id GLOB 'pay_*'),
  session_id       TEXT NOT NULL,
  kiosk_id         TEXT,
  amount_minor     INTEGER NOT NULL CHECK (amount_minor > 0),
  currency         TEXT NOT NULL CHECK (currency IN ('RUB', 'USD', 'EUR')),
  description      TEXT,
  metadata         TEXT NOT NULL CHECK (json_type(metadata) = 'object'),
  status           TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'failed', 'expired')),
  failure_reason   TEXT,
  provider         TEXT NOT NULL,
  -- created: never sent · submitting: sent, the outcome not known · attached: the PSP's payment is known · refused: the PSP said no ·
  -- withdrawn: ended before it was ever sent · abandoned: still unknown after 20 h
  submission       TEXT NOT NULL CHECK (submission IN ('created', 'submitting', 'attached', 'refused', 'withdrawn', 'abandoned')),
  -- The PSP request's bytes, frozen before the first attempt: every repetition sends these.
  psp_request      TEXT NOT NULL,
  psp_payment_id   TEXT UNIQUE,
  psp_status       TEXT CHECK (psp_status IN ('pending', 'waiting_for_capture', 'succeeded', 'canceled')),
  qr_code_data     TEXT NOT NULL DEFAULT '',
  confirmation_url TEXT,
  attempts         INTEGER NOT NULL DEFAULT 0,
  first_attempt_at INTEGER,
  psp_created_at   INTEGER,
  receipt_registration TEXT CHECK (receipt_registration IN ('pending', 'succeeded', 'canceled')),
  -- When to look whether a paid session got its report; null where that is settled or nobody wants to know.
  serve_check_at   INTEGER,
  -- When the janitor has something to do with the PSP; null when nothing is left to ask.
  next_action_at   INTEGER,
  last_asked_at    INTEGER,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  confirmed_at     INTEGER,
  expires_at       INTEGER NOT NULL CHECK (expires_at > created_at),
  CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL)),
  CHECK ((status = 'failed') = (failure_reason IS NOT NULL)),
  CHECK ((submission = 'attached') = (psp_payment_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- P5: at most one live intent per session; and at most one that was paid.
CREATE UNIQUE INDEX intents_one_pending ON intents (session_id) WHERE status = 'pending';
CREATE UNIQUE INDEX intents_one_confirmed ON intents (session_id) WHERE status = 'confirmed';
CREATE INDEX intents_by_session ON intents (session_id, id);
CREATE INDEX intents_by_status ON intents (status, id);
CREATE INDEX intents_by_kiosk ON intents (kiosk_id, id);
CREATE INDEX intents_due ON intents (status, expires_at);
CREATE INDEX intents_to_ask ON intents (next_action_at) WHERE next_action_at IS NOT NULL;

CREATE INDEX intents_to_serve ON intents (serve_check_at) WHERE serve_check_at IS NOT NULL;
CREATE INDEX intents_by_psp_time ON intents (psp_created_at) WHERE psp_status = 'succeeded';

-- P6 and the frozen request: what an intent is never changes. The request may be emptied once it can no longer be sent: a receipt names the customer.
CREATE TRIGGER intents_immutable BEFORE UPDATE ON intents
WHEN NEW.id <> OLD.id OR NEW.session_id <> OLD.session_id OR NEW.kiosk_id IS NOT OLD.kiosk_id OR NEW.amount_minor <> OLD.amount_minor
  OR NEW.currency <> OLD.currency OR NEW.provider <> OLD.provider OR (NEW.psp_request <> OLD.psp_request AND NOT (NEW.psp_request = '{}' AND OLD.submission NOT IN ('created', 'submitting')))
  OR NEW.created_at <> OLD.created_at
  OR NEW.expires_at <> OLD.expires_at OR (OLD.psp_payment_id IS NOT NULL AND NEW.psp_payment_id IS NOT OLD.psp_payment_id)
BEGIN SELECT RAISE(ABORT, 'what an intent is never changes'); END;

-- P8: pending → confirmed, failed or expired. The one exit from there is late money: expired, or failed by our own hand, → confirmed.
CREATE TRIGGER intents_forward BEFORE UPDATE OF status ON intents
WHEN NEW.status <> OLD.status AND OLD.status <> 'pending' AND NOT (
  NEW.status = 'confirmed' AND (OLD.status = 'expired' OR (OLD.status = 'failed' AND OLD.failure_reason IN ('canceled_by_customer', 'superseded')))
)
BEGIN SELECT RAISE(ABORT, 'an intent only moves forward'); END;

-- What the PSP said, each time that it mattered.
CREATE TABLE psp_observations (
  id             INTEGER PRIMARY KEY AUTOINCREMENT,
  at             INTEGER NOT NULL,
  intent_id      TEXT NOT NULL REFERENCES intents (id),
  psp_payment_id TEXT NOT NULL,
  psp_status     TEXT NOT NULL,
  -- How we came to ask: submit, poll, notification, reconciliation, confirm
  source         TEXT NOT NULL,
  verdict        TEXT NOT NULL CHECK (verdict IN ('paid', 'open', 'canceled', 'mismatch')),
  details        TEXT NOT NULL CHECK (json_valid(details))
) STRICT;
CREATE INDEX psp_observations_by_intent ON psp_observations (intent_id, verdict);

-- P7: without the PSP's own word nothing is confirmed.
CREATE TRIGGER intents_evidence BEFORE UPDATE OF status ON intents
WHEN NEW.status = 'confirmed' AND OLD.status <> 'confirmed'
  AND NOT EXISTS (SELECT 1 FROM psp_observations WHERE intent_id = NEW.id AND verdict = 'paid')
BEGIN SELECT RAISE(ABORT, 'nothing is confirmed without evidence'); END;

CREATE TRIGGER intents_born_pending BEFORE INSERT ON intents WHEN NEW.status <> 'pending'
BEGIN SELECT RAISE(ABORT, 'an intent begins pending'); END;

CREATE TRIGGER intents_kept BEFORE DELETE ON intents
BEGIN SELECT RAISE(ABORT, 'money rows are kept'); END;

-- P1–P4: which answer belongs to a caller's key.
CREATE TABLE idempotency_keys (
  caller      TEXT NOT NULL,
  operation   TEXT NOT NULL,
  key         TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  entity_id   TEXT NOT NULL,
  -- 1: this key made it; 0: it was answered with one that was there.
  made        INTEGER NOT NULL CHECK (made IN (0, 1)),
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (caller, operation, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

-- What does not add up and wants the operator. One row per kind and object, however often it is seen.
CREATE TABLE anomalies (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  kind        TEXT NOT NULL,
  object_id   TEXT NOT NULL,
  intent_id   TEXT REFERENCES intents (id),
  details     TEXT NOT NULL CHECK (json_valid(details)),
  first_at    INTEGER NOT NULL,
  last_at     INTEGER NOT NULL,
  seen        INTEGER NOT NULL DEFAULT 1,
  UNIQUE (kind, object_id)
) STRICT;

-- The development PSP's memory: a payment is due at a time that is a row, not a timer, so that it survives a restart.
CREATE TABLE dev_psp_payments (
  id              TEXT PRIMARY KEY,
  idempotence_key TEXT NOT NULL UNIQUE,
  request         TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'canceled')),
  succeeds_at     INTEGER,
  created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dev_psp_refunds (
  id              TEXT PRIMARY KEY,
  idempotence_key TEXT NOT NULL UNIQUE,
  request         TEXT NOT NULL,
  created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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
