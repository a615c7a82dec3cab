//! Sessions for whoever has used a passkey.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::Purpose;
use ports::{Admitted, Attempt, NewSession, PasskeyUse, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    challenges::{further_session, limit, room, session},
    events::{EventInput, held_owner, record},
    rows::{UserRow, client, joined, user_columns},
    statement::statement,
    types::Instant,
};

/// Whether the counter in `input i` may follow that of the row named `p`.
macro_rules! grows {
    () => {
        "(i.counter > p.counter OR (i.counter = 0 AND p.counter = 0))"
    };
}

/// Uses the passkey of the account in `$owner`; its counter is judged on the row as it is when its
/// lock is had.
macro_rules! used {
    (by $owner:literal) => {
        concat!(
            ", used AS (
            UPDATE passkeys p SET counter = i.counter, backed_up = i.backed_up, last_used_at = i.now
            FROM input i, ",
            $owner,
            " o WHERE p.id = i.passkey_id AND p.user_id = o.id AND ",
            grows!(),
            "
            RETURNING p.user_id
        )"
        )
    };
}

/// Whether the passkey could be used, and whose session was opened.
macro_rules! admitted {
    () => {
        concat!(
            " SELECT EXISTS (SELECT FROM used) AS used, ",
            user_columns!(),
            " FROM input i LEFT JOIN owner u ON true"
        )
    };
}

#[derive(QueryableByName)]
struct AdmittedRow {
    #[diesel(sql_type = Bool)]
    used: bool,
    #[diesel(embed)]
    user: Option<UserRow>,
}

/// Defines an admission. All take the same input, whether they look at all of it or not.
macro_rules! admit {
    ($name:ident: $text:expr) => {
        statement!($name {
            passkey_id: Uuid => SqlUuid,
            user_id: Uuid => SqlUuid,
            counter: i64 => BigInt,
            backed_up: bool => Bool,
            challenge_id: Option<String> => Nullable<Text>,
            verification_id: Option<Uuid> => Nullable<SqlUuid>,
            phone: Option<String> => Nullable<Text>,
            purpose: Option<&'static str> => Nullable<Text>,
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
        } $text);

        impl $name {
            fn new(usage: &PasskeyUse, attempt: Option<&Attempt>, session: &NewSession) -> Self {
                let (client_address, user_agent) = client(&session.client);
                Self {
                    passkey_id: usage.passkey_id.0,
                    user_id: usage.user_id.0,
                    counter: usage.assertion.counter.into(),
                    backed_up: usage.assertion.backed_up,
                    challenge_id: attempt.map(|attempt| attempt.challenge_id.as_str().to_owned()),
                    verification_id: attempt.map(|attempt| attempt.verification_id.0),
                    phone: attempt.map(|attempt| attempt.phone.as_e164().to_owned()),
                    purpose: attempt.map(|attempt| attempt.purpose.as_str()),
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

admit!(SignIn: concat!(", account AS MATERIALIZED (
        SELECT u.* FROM input i JOIN users u ON u.id = i.user_id FOR KEY SHARE OF u
    )", used!(by "account"), ", owner AS MATERIALIZED (
        SELECT a.* FROM account a, used
    )", session!(), room!(but ""), admitted!()));

/// Whoever deletes the verification has answered its challenge, which only a passkey that may be
/// usage does. Rows are held in the order of a right code: the verification, the account.
macro_rules! answered {
    (holding $lock:literal) => {
        concat!(", code AS MATERIALIZED (
            SELECT v.id FROM input i JOIN verifications v
            ON v.phone = i.phone AND v.purpose = i.purpose AND v.id = i.verification_id
            FOR UPDATE OF v
        ), account AS MATERIALIZED (
            SELECT u.* FROM input i, code, users u WHERE u.id = i.user_id ", $lock, "
        )", used!(by "account"), ", won AS (
            DELETE FROM verifications v USING code c, used WHERE v.id = c.id RETURNING v.id, v.purpose, v.phone
        )")
    };
}

admit!(AnswerLogin: concat!(answered!(holding "FOR KEY SHARE OF u"), ", closed AS (
        DELETE FROM challenges c USING won WHERE c.verification_id = won.id
    ), owner AS MATERIALIZED (
        SELECT a.* FROM account a, won
    )", further_session!(but ""), admitted!()));

// As for a right code: the session that asked gives its place to the new one.
admit!(AnswerStepUp: concat!(answered!(holding "FOR SHARE OF u"), ", closed AS (
        DELETE FROM challenges c USING won WHERE c.verification_id = won.id RETURNING c.id, c.session_id
    ), replaced AS (
        DELETE FROM sessions s USING input i, closed c, account a
        WHERE c.id = i.challenge_id AND s.id = c.session_id AND s.user_id = a.id AND s.expires_at > i.now
        RETURNING s.id
    ), owner AS MATERIALIZED (
        SELECT a.* FROM account a, replaced
    )", further_session!(but "AND x.id NOT IN (SELECT id FROM replaced)"), admitted!()));

statement!(RecordCloned {
    passkey_id: Uuid => SqlUuid,
    user_id: Uuid => SqlUuid,
    counter: i64 => BigInt,
    now: Instant => Timestamptz,
    ..event: EventInput,
} concat!(held_owner!(), ", cloned AS MATERIALIZED (
        SELECT p.user_id FROM input i, owner o JOIN passkeys p ON p.user_id = o.id
        WHERE p.id = i.passkey_id AND NOT ", grows!(), "
    )", record!(user "c.user_id", session "NULL", act "cloned c")));

pub(super) async fn alone(
    store: &PostgresStore,
    usage: &PasskeyUse,
    session: &NewSession,
) -> Result<Admitted, StoreError> {
    let row = store.row(SignIn::new(usage, None, session)).await?;
    admitted(store, row, usage, session).await
}

pub(super) async fn answer(
    store: &PostgresStore,
    attempt: &Attempt,
    usage: &PasskeyUse,
    session: &NewSession,
) -> Result<Admitted, StoreError> {
    if attempt.user_id != Some(usage.user_id) {
        return Ok(Admitted::Closed);
    }
    let row = match attempt.purpose {
        Purpose::Login => store.row(AnswerLogin::new(usage, Some(attempt), session)).await?,
        Purpose::StepUp => store.row(AnswerStepUp::new(usage, Some(attempt), session)).await?,
        Purpose::Registration | Purpose::PhoneLogin | Purpose::PasswordReset | Purpose::PhoneChange => None,
    };
    admitted(store, row, usage, session).await
}

async fn admitted(
    store: &PostgresStore,
    row: Option<AdmittedRow>,
    usage: &PasskeyUse,
    session: &NewSession,
) -> Result<Admitted, StoreError> {
    match row {
        Some(AdmittedRow { user: Some(user), .. }) => return Ok(Admitted::Done(user.try_into()?)),
        // Its session was over: the counter has grown, and that is no reason for alarm.
        Some(AdmittedRow { used: true, .. }) => return Ok(Admitted::Closed),
        _ => {}
    }
    let record = RecordCloned {
        passkey_id: usage.passkey_id.0,
        user_id: usage.user_id.0,
        counter: usage.assertion.counter.into(),
        now: Instant(session.times.created_at),
        event: (&usage.cloned).into(),
    };
    Ok(if store.execute(record).await? > 0 { Admitted::Cloned } else { Admitted::Closed })
}
