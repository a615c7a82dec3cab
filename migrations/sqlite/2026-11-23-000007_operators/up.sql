-- An operator's lock: nobody signs in, and whoever opens a session looks here.
ALTER TABLE users ADD COLUMN locked_at INTEGER;
ALTER TABLE users ADD COLUMN lock_reason TEXT;

-- People of another system whose phone is not proven. They reserve nothing: a row goes as soon
-- as its e-mail or number has an account.
CREATE TABLE imported_registrations (
    email_canonical TEXT PRIMARY KEY,
    email TEXT NOT NULL,
    phone TEXT NOT NULL CONSTRAINT imported_registrations_phone_key UNIQUE,
    password_hash TEXT NOT NULL,
    locale TEXT,
    created_at INTEGER NOT NULL
) STRICT;

-- Accounts whose hash has a salt of its own. While there is one, every sign-in costs two hashes,
-- so that time does not tell whose it is.
CREATE TABLE imported_hashes (
    user_id BLOB PRIMARY KEY REFERENCES users ON DELETE CASCADE
) STRICT;
