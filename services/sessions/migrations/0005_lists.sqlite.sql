-- A list of a kiosk or a type is one of each state, merged: so a list of the few that failed does not look through all the others of that kiosk.
DROP INDEX sessions_by_type;
DROP INDEX sessions_by_kiosk;
CREATE INDEX sessions_by_type ON sessions (type, status, id);
CREATE INDEX sessions_by_kiosk ON sessions (kiosk_id, status, id);
