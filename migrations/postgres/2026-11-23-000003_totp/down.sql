DROP FUNCTION replace_recovery_codes;
DROP TABLE recovery_codes;
DROP TABLE totp_secrets;
ALTER TABLE guesses DROP COLUMN kind;
ALTER TABLE users
    DROP CONSTRAINT users_text_barred_check,
    DROP COLUMN text_barred,
    DROP COLUMN recovery_codes_left,
    DROP COLUMN totp_last_step;
