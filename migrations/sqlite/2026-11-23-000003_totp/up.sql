-- `totp_last_step` is the step of the latest code that was used of the authenticator app, and NULL
-- while none is enrolled. `text_barred` means that codes sent to the phone open nothing: set when an
-- account with an app resets its password by text, lifted when another factor is used.
ALTER TABLE users ADD COLUMN totp_last_step INTEGER;
ALTER TABLE users ADD COLUMN recovery_codes_left INTEGER NOT NULL DEFAULT 0 CHECK (recovery_codes_left >= 0);
ALTER TABLE users ADD COLUMN text_barred INTEGER NOT NULL DEFAULT 0
    CHECK (totp_last_step IS NOT NULL OR NOT text_barred);

-- What a guess was at: the code that was sent, one of the app, or a recovery code.
ALTER TABLE guesses ADD COLUMN kind TEXT NOT NULL DEFAULT 'sent';

-- The secret is sealed for its user. Not confirmed: the app is not enrolled yet.
CREATE TABLE totp_secrets (
    user_id BLOB PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret TEXT NOT NULL,
    begun_at INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;

-- A used code is no row; `users.recovery_codes_left` counts the rows.
CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL REFERENCES users ON DELETE CASCADE,
    hash BLOB NOT NULL,
    PRIMARY KEY (user_id, hash)
) STRICT;
