//! Using the right code.

use diesel::{
    QueryableByName,
    sql_types::{Bool, Text, Uuid as SqlUuid},
};
use domain::{User, UserId};
use ports::{Attempt, NewSession, Redeemed, StoreError, Subject};
use uuid::Uuid;

use crate::{
    PostgresStore,
    rows::{UserRow, user_columns},
    sessions::{SessionInput, oldest_session, session},
    statement::statement,
};

/// Defines the use of a right code for one purpose. All take the same input, whether they
/// look at all of it or not, and begin alike: whoever deletes the verification has used the code.
macro_rules! redeem {
    ($name:ident uses $purpose:literal: $text:expr) => {
        statement!($name {
            challenge_id: String => Text,
            verification_id: Uuid => SqlUuid,
            phone: String => Text,
            user_id: Uuid => SqlUuid,
            ..session: SessionInput,
        } concat!(", won AS (
                DELETE FROM verifications v USING input i
                WHERE v.phone = i.phone AND v.purpose = '", $purpose, "' AND v.id = i.verification_id
                RETURNING v.id, v.purpose, v.phone
            )", $text));

        impl $name {
            fn new(attempt: &Attempt, user_id: UserId, session: &NewSession) -> Self {
                Self {
                    challenge_id: attempt.challenge_id.as_str().to_owned(),
                    verification_id: attempt.verification_id.0,
                    phone: attempt.phone.as_e164().to_owned(),
                    user_id: user_id.0,
                    session: session.into(),
                }
            }
        }
    };
}

/// Opens the session for `owner` and ends those beyond the limit. `$but` excepts what this
/// statement still sees although it is over.
#[rustfmt::skip]
macro_rules! further_session {
    (but $but:literal) => {
        concat!(session!(since "i.now"), oldest_session!(but $but), ", forgiven AS (
            DELETE FROM guesses g USING won, owner o
            WHERE g.account IN (o.id::text, won.phone) AND g.purpose = won.purpose
        )
        SELECT ", user_columns!(), " FROM owner u")
    };
}

redeem!(RedeemRegistration uses "registration": concat!(", registration AS MATERIALIZED (
        SELECT c.* FROM input i, won, challenges c WHERE c.id = i.challenge_id AND c.verification_id = won.id
    ), owner AS (
        INSERT INTO users (id, email, email_canonical, phone, phone_verified_at, password_hash, locale,
            created_at, updated_at)
        SELECT i.user_id, r.email, r.email_canonical, r.phone, i.now, r.password_hash, r.account_locale, i.now, i.now
        FROM input i, registration r
        ON CONFLICT DO NOTHING
        RETURNING *
    )", session!(since "i.now"), ", closed AS (
        DELETE FROM challenges c USING registration r
        WHERE c.id = r.id OR (EXISTS (SELECT FROM owner) AND c.purpose = 'registration'
            AND (c.phone = r.phone OR c.email_canonical = r.email_canonical))
    ), superseded AS (
        DELETE FROM imported_registrations m USING owner o
        WHERE m.email_canonical = o.email_canonical OR m.phone = o.phone
        RETURNING m.password_hash, o.id AS user_id, o.password_hash AS kept_hash
    ), marked AS (
        INSERT INTO imported_hashes (user_id) SELECT DISTINCT s.user_id FROM superseded s WHERE s.password_hash = s.kept_hash
    ), trusted AS (
        DELETE FROM password_failures f USING owner o WHERE f.account IN (o.email_canonical, o.phone)
    ), forgiven AS (
        DELETE FROM guesses g USING registration r WHERE g.account = r.phone AND g.purpose = 'registration'
    )
    SELECT u.id IS NOT NULL AS created, ", user_columns!(), " FROM registration r LEFT JOIN owner u ON true"));

/// The use of a sign-in's code, which ends every challenge that shares it. The row of the user is
/// held against those who lock the account or change the password or the number: they must find
/// the new session, or we must find the account locked or the challenge closed.
macro_rules! sign_in {
    () => {
        concat!(
            ", account AS MATERIALIZED (
                SELECT u.* FROM input i, won, users u WHERE u.id = i.user_id AND u.locked_at IS NULL FOR SHARE OF u
            ), closed AS (
                DELETE FROM challenges c USING won, account a WHERE c.verification_id = won.id
                RETURNING c.id
            ), owner AS MATERIALIZED (
                SELECT a.* FROM input i, account a, closed c WHERE c.id = i.challenge_id
            )",
            further_session!(but "")
        )
    };
}

redeem!(RedeemLogin uses "login": sign_in!());
redeem!(RedeemPhoneLogin uses "phone_login": sign_in!());

// Whoever deletes the session that asked may open the new one. If that session is over, the
// code is used up all the same and the challenge is gone: another session asks anew. The row of
// the user is held against those who end the others: they must find the new session, or we must
// find the old one ended.
redeem!(RedeemStepUp uses "step_up": concat!(", account AS MATERIALIZED (
        SELECT u.* FROM input i, won, users u WHERE u.id = i.user_id AND u.locked_at IS NULL FOR SHARE OF u
    ), closed AS (
        DELETE FROM challenges c USING won, account a WHERE c.verification_id = won.id
        RETURNING c.id, c.session_id
    ), replaced AS (
        DELETE FROM sessions s USING input i, closed c, account a
        WHERE c.id = i.challenge_id AND s.id = c.session_id AND s.user_id = a.id AND s.expires_at > i.now
        RETURNING s.id
    ), owner AS MATERIALIZED (
        SELECT a.* FROM account a, replaced
    )", further_session!(but "AND x.id NOT IN (SELECT id FROM replaced)")));

#[derive(QueryableByName)]
struct CreatedRow {
    #[diesel(sql_type = Bool)]
    created: bool,
    #[diesel(embed)]
    user: Option<UserRow>,
}

pub(crate) async fn registration(
    store: &PostgresStore,
    attempt: &Attempt,
    user_id: UserId,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let row: Option<CreatedRow> = store.row(RedeemRegistration::new(attempt, user_id, session)).await?;
    match row {
        None => Ok(Redeemed::Closed),
        Some(CreatedRow { created: true, user: Some(user) }) => Ok(Redeemed::Done(User::try_from(user)?)),
        Some(_) => Ok(Redeemed::AccountExists),
    }
}

pub(crate) async fn login(
    store: &PostgresStore,
    attempt: &Attempt,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    signed_in(store.row(RedeemLogin::new(attempt, user_id, session)).await?)
}

pub(crate) async fn phone_login(
    store: &PostgresStore,
    attempt: &Attempt,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let mut redeem = RedeemPhoneLogin::new(attempt, user_id, session);
    // The code was sent to the number, and is kept under the name that was asked for.
    redeem.phone = Subject::PhoneLogin { phone: attempt.phone.clone(), user_id: None }.destination();
    signed_in(store.row(redeem).await?)
}

pub(crate) async fn step_up(
    store: &PostgresStore,
    attempt: &Attempt,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    signed_in(store.row(RedeemStepUp::new(attempt, user_id, session)).await?)
}

fn signed_in(row: Option<UserRow>) -> Result<Redeemed, StoreError> {
    row.map_or(Ok(Redeemed::Closed), |user| Ok(Redeemed::Done(user.try_into()?)))
}
