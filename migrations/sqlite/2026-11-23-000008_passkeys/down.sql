DROP TABLE passkey_ceremonies;
DROP TABLE passkeys;
ALTER TABLE users DROP COLUMN passkeys;
