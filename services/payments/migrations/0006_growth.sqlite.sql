-- A kiosk's list is one of each state, merged: so a list of the few that failed does not look through all the others of that kiosk.
DROP INDEX intents_by_kiosk;
CREATE INDEX intents_by_kiosk ON intents (kiosk_id, status, id);

-- An erasure finds the keys of its payments.
CREATE INDEX idempotency_keys_by_entity ON idempotency_keys (entity_id);
