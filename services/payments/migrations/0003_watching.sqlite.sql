-- What the metrics ask at every scrape, found without a walk however many payments there are.
CREATE INDEX intents_unknown ON intents (first_attempt_at) WHERE submission = 'submitting';
CREATE INDEX intents_receipts_pending ON intents (confirmed_at) WHERE receipt_registration = 'pending' AND confirmed_at IS NOT NULL;
CREATE INDEX refunds_pending ON refunds (created_at) WHERE status = 'pending';
CREATE INDEX anomalies_by_time ON anomalies (last_at);
