-- `totp_last_step` is the step of the latest code that was used of the authenticator app, and NULL
-- while none is enrolled. `text_barred` means that codes sent to the phone open nothing: set when an
-- account with an app resets its password by text, lifted when another factor is used.
ALTER TABLE users
    ADD COLUMN totp_last_step bigint,
    ADD COLUMN recovery_codes_left integer NOT NULL DEFAULT 0 CHECK (recovery_codes_left >= 0),
    ADD COLUMN text_barred boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT users_text_barred_check CHECK (totp_last_step IS NOT NULL OR NOT text_barred);

-- What a guess was at: the code that was sent, one of the app, or a recovery code.
ALTER TABLE guesses ADD COLUMN kind text NOT NULL DEFAULT 'sent';

-- The secret is sealed for its user. Not confirmed: the app is not enrolled yet.
CREATE TABLE totp_secrets (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    secret text NOT NULL,
    begun_at timestamptz NOT NULL,
    confirmed_at timestamptz
);

-- A used code is no row; `users.recovery_codes_left` counts the rows.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    hash bytea NOT NULL,
    PRIMARY KEY (user_id, hash)
);

-- Puts recovery codes in the place of all that the user has; how many there are. Called by a
-- statement that holds the row of the user, for which it may have waited: in a VOLATILE function
-- each query has a snapshot of its own and finds also what was committed during that wait.
CREATE FUNCTION replace_recovery_codes(of_user uuid, hashes bytea[])
RETURNS integer LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    DELETE FROM recovery_codes r WHERE r.user_id = of_user;
    INSERT INTO recovery_codes (user_id, hash) SELECT of_user, unnest(hashes);
    RETURN cardinality(hashes);
END $$;
