DROP TABLE imported_hashes;
DROP TABLE imported_registrations;
ALTER TABLE users DROP COLUMN lock_reason;
ALTER TABLE users DROP COLUMN locked_at;
