DROP FUNCTION end_other_sessions;
DROP FUNCTION forget_clients;
DROP TABLE events;
ALTER TABLE challenges DROP COLUMN session_id;
