-- An operator's lock: nobody signs in, and whoever opens a session holds the row and looks here.
ALTER TABLE users ADD COLUMN locked_at timestamptz;
ALTER TABLE users ADD COLUMN lock_reason text;

-- People of another system whose phone is not proven. They reserve nothing: a row goes as soon
-- as its e-mail or number has an account.
CREATE TABLE imported_registrations (
    email_canonical text PRIMARY KEY,
    email text NOT NULL,
    phone text NOT NULL CONSTRAINT imported_registrations_phone_key UNIQUE,
    password_hash text NOT NULL,
    locale text,
    created_at timestamptz NOT NULL
);

-- Accounts whose hash has a salt of its own. While there is one, every sign-in costs two hashes,
-- so that time does not tell whose it is.
CREATE TABLE imported_hashes (
    user_id uuid PRIMARY KEY REFERENCES users ON DELETE CASCADE
);

-- Deletes all sessions of a user whose row the statement holds; how many of them were alive.
-- No session has the id that is all zeros.
CREATE FUNCTION end_all_sessions(of_user uuid, now_at timestamptz)
RETURNS bigint LANGUAGE plpgsql VOLATILE STRICT AS $$
BEGIN
    RETURN end_other_sessions(of_user, '00000000-0000-0000-0000-000000000000', now_at);
END $$;
