-- The operator's list of what was given up, newest first: ids sort by the time of making. The other states' lists have indexes that serve, or are most of the table.
DROP INDEX deliveries_dead;
CREATE INDEX deliveries_dead ON deliveries (id) WHERE status = 'dead';
