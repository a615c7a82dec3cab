DROP TABLE events;
ALTER TABLE challenges DROP COLUMN session_id;
