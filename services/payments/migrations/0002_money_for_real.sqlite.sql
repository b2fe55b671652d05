-- Refunds, notifications, reconciliation. Money is integer minor units, times are epoch milliseconds.
CREATE TABLE refunds (
  id             TEXT PRIMARY KEY CHECK (id GLOB 'ref_*'),
  intent_id      TEXT NOT NULL REFERENCES intents (id),
  amount_minor   INTEGER NOT NULL CHECK (amount_minor > 0),
  currency       TEXT NOT NULL,
  -- operator: by hand · late_money: came when nothing could be sold for it any more · unserved: paid, then no report
  origin         TEXT NOT NULL CHECK (origin IN ('operator', 'late_money', 'unserved')),
  reason         TEXT NOT NULL,
  status         TEXT NOT NULL CHECK (status IN ('pending', 'succeeded', 'canceled')),
  submission     TEXT NOT NULL CHECK (submission IN ('created', 'submitting', 'attached', 'refused', 'abandoned')),
  psp_request    TEXT NOT NULL,
  psp_refund_id  TEXT UNIQUE,
  cancel_reason  TEXT,
  receipt_registration TEXT CHECK (receipt_registration IN ('pending', 'succeeded', 'canceled')),
  -- The canceled refund that this one tries again.
  retry_of       TEXT UNIQUE REFERENCES refunds (id),
  attempts       INTEGER NOT NULL DEFAULT 0,
  first_attempt_at INTEGER,
  next_action_at INTEGER,
  psp_created_at INTEGER,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  CHECK ((submission = 'attached') = (psp_refund_id IS NOT NULL)),
  CHECK ((status = 'canceled') = (cancel_reason IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_by_intent ON refunds (intent_id, id);
CREATE INDEX refunds_to_ask ON refunds (next_action_at) WHERE next_action_at IS NOT NULL;
CREATE INDEX refunds_by_psp_time ON refunds (psp_created_at) WHERE status = 'succeeded';

-- P9: late money goes back once.
CREATE UNIQUE INDEX refunds_late_once ON refunds (intent_id) WHERE origin <> 'operator' AND status <> 'canceled';

-- R1: what is given back never exceeds what came.
CREATE TRIGGER refunds_within_payment BEFORE INSERT ON refunds
WHEN NEW.amount_minor + (SELECT coalesce(sum(amount_minor), 0) FROM refunds WHERE intent_id = NEW.intent_id AND status <> 'canceled')
   > (SELECT amount_minor FROM intents WHERE id = NEW.intent_id)
BEGIN SELECT RAISE(ABORT, 'refunds exceed the payment'); END;

-- R3, and for what goes back by itself: only money that the PSP says came.
CREATE TRIGGER refunds_of_money BEFORE INSERT ON refunds
WHEN NOT EXISTS (SELECT 1 FROM psp_observations WHERE intent_id = NEW.intent_id AND verdict = 'paid')
BEGIN SELECT RAISE(ABORT, 'nothing came that could go back'); END;

CREATE TRIGGER refunds_forward BEFORE UPDATE ON refunds
WHEN (OLD.status <> 'pending' AND NEW.status <> OLD.status) OR NEW.amount_minor <> OLD.amount_minor OR NEW.intent_id <> OLD.intent_id
  OR NEW.currency <> OLD.currency OR NEW.origin <> OLD.origin OR NEW.created_at <> OLD.created_at
  OR (NEW.psp_request <> OLD.psp_request AND NOT (NEW.psp_request = '{}' AND OLD.submission NOT IN ('created', 'submitting')))
  OR (OLD.psp_refund_id IS NOT NULL AND NEW.psp_refund_id IS NOT OLD.psp_refund_id)
BEGIN SELECT RAISE(ABORT, 'a refund only moves forward'); END;

CREATE TRIGGER refunds_kept BEFORE DELETE ON refunds
BEGIN SELECT RAISE(ABORT, 'money rows are kept'); END;

-- What the PSP's notifications said, as they came; they change no payment. The body is kept as its digest: it can name the payer.
CREATE TABLE notifications (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  received_at INTEGER NOT NULL,
  source_ip   TEXT NOT NULL,
  event       TEXT NOT NULL,
  -- Null where it does not look like an id.
  object_id   TEXT,
  body_sha256 TEXT NOT NULL
) STRICT;
CREATE INDEX notifications_by_time ON notifications (received_at);

-- Objects that a notification named and we do not know: each is asked for once at most, at a bounded pace.
CREATE TABLE strangers (
  object_id TEXT PRIMARY KEY,
  kind      TEXT NOT NULL CHECK (kind IN ('payment', 'refund')),
  seen_at   INTEGER NOT NULL,
  asked_at  INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX strangers_waiting ON strangers (seen_at) WHERE asked_at IS NULL;
CREATE INDEX strangers_asked ON strangers (asked_at) WHERE asked_at IS NOT NULL;

-- Sessions that got their report: their money is earned.
CREATE TABLE services_rendered (
  session_id TEXT PRIMARY KEY,
  report_id  TEXT NOT NULL,
  at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each run for a day, and what it found.
CREATE TABLE reconciliations (
  day          TEXT PRIMARY KEY,
  run_at       INTEGER NOT NULL,
  psp_payments INTEGER NOT NULL,
  our_payments INTEGER NOT NULL,
  psp_refunds  INTEGER NOT NULL,
  our_refunds  INTEGER NOT NULL,
  repaired     INTEGER NOT NULL,
  differences  TEXT NOT NULL CHECK (json_valid(differences))
) STRICT, WITHOUT ROWID;
