-- The operator's lists: one of each channel and state, merged, so that a list of the few does not look through all the others.
CREATE INDEX deliveries_by_state ON deliveries (channel, status, id);
DROP INDEX deliveries_dead;

-- What waits for a newer template; what was erased meanwhile waits for none.
DROP INDEX reports_failed;
CREATE INDEX reports_failed ON reports (template_version) WHERE status = 'failed' AND erased_at IS NULL;

-- The sweep goes through the reports that have a file, not past all those that had one.
CREATE INDEX reports_with_file ON reports (id) WHERE status = 'ready' AND erased_at IS NULL;

-- An erasure finds the keys of its report.
CREATE INDEX idempotency_keys_by_report ON idempotency_keys (report_id);
