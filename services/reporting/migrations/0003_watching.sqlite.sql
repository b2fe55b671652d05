-- What the metrics ask at every scrape: how long the oldest delivery has been waiting for its end.
CREATE INDEX deliveries_unfinished ON deliveries (channel, created_at) WHERE status IN ('queued', 'sending');
-- What was given up lately.
CREATE INDEX deliveries_dead_by_time ON deliveries (dead_at) WHERE status = 'dead';
