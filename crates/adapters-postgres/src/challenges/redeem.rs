//! Using the right code.

use diesel::{
    QueryableByName,
    sql_types::{Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{User, UserId};
use ports::{Attempt, NewSession, Redeemed, StoreError, Subject};
use uuid::Uuid;

use super::send::limit;
use crate::{
    PostgresStore,
    events::{EventInput, record},
    rows::{UserRow, client, joined, user_columns},
    statement::statement,
    types::Instant,
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
            session_id: Uuid => SqlUuid,
            refresh_token: Vec<u8> => Binary,
            methods: String => Text,
            client_address: Option<String> => Nullable<Text>,
            user_agent: Option<String> => Nullable<Text>,
            now: Instant => Timestamptz,
            session_expires_at: Instant => Timestamptz,
            session_absolute_expires_at: Instant => Timestamptz,
            others: i32 => Integer,
            ..event: EventInput,
        } concat!(", won AS (
                DELETE FROM verifications v USING input i
                WHERE v.phone = i.phone AND v.purpose = '", $purpose, "' AND v.id = i.verification_id
                RETURNING v.id, v.purpose, v.phone
            )", $text));

        impl $name {
            fn new(attempt: &Attempt, user_id: UserId, session: &NewSession) -> Self {
                let (client_address, user_agent) = client(&session.client);
                Self {
                    challenge_id: attempt.challenge_id.as_str().to_owned(),
                    verification_id: attempt.verification_id.0,
                    phone: attempt.phone.as_e164().to_owned(),
                    user_id: user_id.0,
                    session_id: session.id.0,
                    refresh_token: session.refresh_token.0.to_vec(),
                    methods: joined(&session.methods),
                    client_address,
                    user_agent,
                    now: Instant(session.times.created_at),
                    session_expires_at: Instant(session.times.expires_at),
                    session_absolute_expires_at: Instant(session.times.absolute_expires_at),
                    others: limit(session.max_per_user.saturating_sub(1)),
                    event: (&session.event).into(),
                }
            }
        }
    };
}

/// Opens the session for the account in `owner`, whose row is held or new.
macro_rules! session {
    () => {
        concat!(", session AS (
            INSERT INTO sessions (id, user_id, methods, client_address, user_agent, authenticated_at, created_at,
                last_used_at, expires_at, absolute_expires_at)
            SELECT i.session_id, o.id, i.methods, i.client_address, i.user_agent, i.now, i.now, i.now,
                i.session_expires_at, i.session_absolute_expires_at
            FROM input i, owner o
            RETURNING id, user_id
        ), token AS (
            INSERT INTO refresh_tokens (hash, session_id, issued_at)
            SELECT i.refresh_token, session.id, i.now FROM input i, session
        ), recorded AS (", record!(user "s.user_id", session "s.id", act "session s"), ")")
    };
}

/// Ends the sessions of `owner` beyond the limit. `$but` excepts what this statement still sees
/// although it is over.
#[rustfmt::skip]
macro_rules! room {
    (but $but:literal) => {
        concat!(", oldest AS (
            DELETE FROM sessions s USING owner o
            WHERE s.user_id = o.id AND s.id IN (
                SELECT x.id FROM sessions x WHERE x.user_id = o.id ", $but, "
                ORDER BY x.last_used_at DESC, x.id DESC OFFSET (SELECT others FROM input))
        )")
    };
}

/// Opens the session for `owner`, whose challenge `won`, and ends those beyond the limit.
#[rustfmt::skip]
macro_rules! further_session {
    (but $but:literal) => {
        concat!(session!(), room!(but $but), ", forgiven AS (
            DELETE FROM guesses g USING won, owner o
            WHERE g.account IN (o.id::text, won.phone) AND g.purpose = won.purpose
        )")
    };
}
pub(crate) use {further_session, room, session};

redeem!(RedeemRegistration uses "registration": concat!(", registration AS MATERIALIZED (
        SELECT c.* FROM input i, won, challenges c WHERE c.id = i.challenge_id AND c.verification_id = won.id
    ), owner AS (
        INSERT INTO users (id, email, email_canonical, phone, phone_verified_at, password_hash, locale,
            created_at, updated_at)
        SELECT i.user_id, r.email, r.email_canonical, r.phone, i.now, r.password_hash, r.account_locale, i.now, i.now
        FROM input i, registration r
        ON CONFLICT DO NOTHING
        RETURNING *
    )", session!(), ", closed AS (
        DELETE FROM challenges c USING registration r
        WHERE c.id = r.id OR (EXISTS (SELECT FROM owner) AND c.purpose = 'registration'
            AND (c.phone = r.phone OR c.email_canonical = r.email_canonical))
    ), trusted AS (
        DELETE FROM password_failures f USING owner o WHERE f.account IN (o.email_canonical, o.phone)
    ), forgiven AS (
        DELETE FROM guesses g USING registration r WHERE g.account = r.phone AND g.purpose = 'registration'
    )
    SELECT u.id IS NOT NULL AS created, ", user_columns!(), " FROM registration r LEFT JOIN owner u ON true"));

/// The use of a sign-in's code, which ends every challenge that shares it.
macro_rules! sign_in {
    () => {
        concat!(
            ", owner AS MATERIALIZED (
                SELECT u.* FROM input i, won, users u WHERE u.id = i.user_id FOR KEY SHARE OF u
            ), closed AS (
                DELETE FROM challenges c USING won WHERE c.verification_id = won.id
            )",
            further_session!(but ""),
            " SELECT ",
            user_columns!(),
            " FROM owner u"
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
        SELECT u.* FROM input i, won, users u WHERE u.id = i.user_id FOR SHARE OF u
    ), closed AS (
        DELETE FROM challenges c USING won, account a WHERE c.verification_id = won.id
        RETURNING c.id, c.session_id
    ), replaced AS (
        DELETE FROM sessions s USING input i, closed c, account a
        WHERE c.id = i.challenge_id AND s.id = c.session_id AND s.user_id = a.id AND s.expires_at > i.now
        RETURNING s.id
    ), owner AS MATERIALIZED (
        SELECT a.* FROM account a, replaced
    )", further_session!(but "AND x.id NOT IN (SELECT id FROM replaced)"), "
    SELECT ", user_columns!(), " FROM owner u"));

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
