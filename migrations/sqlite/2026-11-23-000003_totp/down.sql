DROP TABLE recovery_codes;
DROP TABLE totp_secrets;
ALTER TABLE guesses DROP COLUMN kind;
ALTER TABLE users DROP COLUMN text_barred;
ALTER TABLE users DROP COLUMN recovery_codes_left;
ALTER TABLE users DROP COLUMN totp_last_step;
