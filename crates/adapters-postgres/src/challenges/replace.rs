//! What a right code puts in the place of a password or a number.

use diesel::{
    QueryableByName,
    sql_types::{Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{ChallengeId, Email, Purpose, User};
use jiff::Timestamp;
use ports::{Attempt, PasswordReset, PhoneChange, Redeemed, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    events::{EventInput, record},
    rows::{UserRow, email, user_columns},
    shield::{AnswerInput, answered},
    statement::statement,
    types::Instant,
};

/// Uses the code up and holds the account, before any other of its rows as deletion does.
macro_rules! held_account {
    () => {
        concat!(
            ", won AS (
                DELETE FROM verifications v USING input i WHERE v.id = i.verification_id RETURNING v.id, v.phone
            ), owner AS MATERIALIZED (
                SELECT u.id FROM input i, won, users u WHERE u.id = i.user_id FOR NO KEY UPDATE OF u
            )",
            answered!()
        )
    };
}

statement!(direct FindReset {
    id: String => Text,
    purpose: &'static str => Text,
    now: Instant => Timestamptz,
    now_again: Instant => Timestamptz,
} "SELECT c.subject FROM challenges c
    JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
    WHERE c.id = ? AND c.purpose = ? AND c.expires_at > ? AND v.expires_at > ? AND v.attempts_left > 0");

/// Every purpose of a challenge that belongs to an account.
macro_rules! purposes_of_accounts {
    () => {
        "ARRAY['login', 'phone_login', 'step_up', 'phone_change', 'password_reset']"
    };
}

statement!(ResetPassword {
    verification_id: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    new: String => Text,
    now: Instant => Timestamptz,
    ..event: EventInput,
    ..answer: AnswerInput,
} concat!(held_account!(), ", changed AS (
        UPDATE users u SET password_hash = i.new, text_barred = u.totp_last_step IS NOT NULL, updated_at = i.now
        FROM input i, owner o WHERE u.id = o.id
        RETURNING u.id, u.email_canonical, u.phone
    ), forgiven AS (
        DELETE FROM password_failures f USING changed c WHERE f.account IN (c.email_canonical, c.phone)
    ), replaced AS (
        DELETE FROM imported_hashes h USING changed c WHERE h.user_id = c.id
    ), forgotten AS (
        DELETE FROM guesses g USING won WHERE g.account = won.phone
    ), reopened AS (
        DELETE FROM code_failures f USING changed c
        WHERE f.account IN (c.id::text, 'password_reset:' || c.email_canonical, 'phone_login:' || c.phone)
    )", record!(user "c.id", session "NULL", act "changed c"),
    ", LATERAL end_other_sessions(c.id, '00000000-0000-0000-0000-000000000000', i.now)
    , LATERAL close_challenges(c.id, ", purposes_of_accounts!(), "), LATERAL forget_devices(c.id, i.now)"));

// The number may get an account while this waits for the row of its own: then the unique
// index ends the statement, and the next try sees the other account.
statement!(ChangePhone {
    verification_id: Uuid => SqlUuid,
    challenge_id: String => Text,
    user_id: Uuid => SqlUuid,
    phone: String => Text,
    kept: Uuid => SqlUuid,
    disclosure_id: Uuid => SqlUuid,
    disclosure_name: &'static str => Text,
    now: Instant => Timestamptz,
    ..event: EventInput,
    ..answer: AnswerInput,
} concat!(held_account!(), ", asked AS (
        DELETE FROM challenges c USING input i, owner o WHERE c.id = i.challenge_id AND c.user_id = o.id
        RETURNING c.id
    ), changed AS (
        UPDATE users u SET phone = i.phone, phone_verified_at = i.now, updated_at = i.now
        FROM input i, owner o, asked WHERE u.id = o.id
        AND NOT EXISTS (SELECT FROM users x WHERE x.phone = i.phone AND x.id <> o.id)
        RETURNING u.*
    ), closed AS (
        DELETE FROM challenges c USING changed n WHERE c.purpose = 'registration' AND c.phone = n.phone
    ), superseded AS (
        DELETE FROM imported_registrations m USING changed n WHERE m.phone = n.phone
    ), forgotten AS (
        DELETE FROM guesses g USING owner o WHERE g.account = o.id::text AND g.purpose = 'phone_change'
    ), reopened AS (
        DELETE FROM code_failures f USING owner o WHERE f.account = o.id::text AND f.purpose = 'phone_change'
    ), recorded AS (", record!(user "n.id", session "i.kept", act "changed n"),
    ", LATERAL end_other_sessions(n.id, i.kept, i.now), LATERAL close_challenges(n.id, ",
    purposes_of_accounts!(), "), LATERAL forget_devices(n.id, i.now))
    SELECT u.id IS NOT NULL AS changed, CASE WHEN u.id IS NULL THEN record_disclosure(
            NULL, i.phone, NULL, i.disclosure_id, i.disclosure_name,
            i.event_address, i.event_agent, i.now) END AS disclosed, ", user_columns!(), "
    FROM input i CROSS JOIN asked LEFT JOIN changed u ON true"));

#[derive(QueryableByName)]
struct SubjectRow {
    #[diesel(sql_type = Text)]
    subject: String,
}

#[derive(QueryableByName)]
struct ChangedRow {
    #[diesel(sql_type = Bool)]
    changed: bool,
    #[diesel(embed)]
    user: Option<UserRow>,
}

pub(crate) async fn find_reset(
    store: &PostgresStore,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<Option<Email>, StoreError> {
    let purpose = Purpose::PasswordReset.as_str();
    let find = FindReset { id: id.as_str().to_owned(), purpose, now: Instant(now), now_again: Instant(now) };
    let row: Option<SubjectRow> = store.row(find).await?;
    row.map(|row| email(row.subject.trim_start_matches("password_reset:"), "challenges")).transpose()
}

pub(crate) async fn reset_password(
    store: &PostgresStore,
    attempt: &Attempt,
    reset: &PasswordReset,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(false) };
    let reset = ResetPassword {
        verification_id: attempt.verification_id.0,
        user_id: user_id.0,
        new: reset.new.as_str().to_owned(),
        now: Instant(now),
        event: (&reset.event).into(),
        answer: AnswerInput::new(attempt, now),
    };
    Ok(store.execute(reset).await? > 0)
}

pub(crate) async fn change_phone(
    store: &PostgresStore,
    attempt: &Attempt,
    change: &PhoneChange,
    now: Timestamp,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let change = ChangePhone {
        verification_id: attempt.verification_id.0,
        challenge_id: attempt.challenge_id.as_str().to_owned(),
        user_id: user_id.0,
        phone: attempt.phone.as_e164().to_owned(),
        kept: change.kept.0,
        disclosure_id: change.disclosure.id.0,
        disclosure_name: change.disclosure.name.as_str(),
        now: Instant(now),
        event: (&change.event).into(),
        answer: AnswerInput::new(attempt, now),
    };
    match store.row(change).await? {
        None => Ok(Redeemed::Closed),
        Some(ChangedRow { changed: true, user: Some(user) }) => Ok(Redeemed::Done(User::try_from(user)?)),
        Some(_) => Ok(Redeemed::AccountExists),
    }
}
