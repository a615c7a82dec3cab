//! Sessions for whoever has used a passkey.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{AnswerKind, Purpose};
use ports::{Admitted, Attempt, NewSession, PasskeyUse, StoreError};
use uuid::Uuid;

use crate::{
    PostgresStore,
    challenges::answered::{closed_login, closed_step_up, factor, further_session},
    events::{EventInput, held_owner, record},
    rows::{UserRow, user_columns},
    sessions::{SessionInput, oldest_session, session},
    statement::statement,
    types::Instant,
};

/// Whether the counter in `input i` may follow that of the row named `p`.
macro_rules! grows {
    () => {
        "(i.counter > p.counter OR (i.counter = 0 AND p.counter = 0))"
    };
}

/// The passkey, whose counter is judged on the row as it is when its lock is had.
macro_rules! passkey {
    () => {
        concat!(
            ", used AS (
            UPDATE passkeys p SET counter = i.counter, backed_up = i.backed_up, last_used_at = i.now
            FROM input i, holder h WHERE p.id = i.passkey_id AND p.user_id = h.id AND ",
            grows!(),
            "
            RETURNING p.user_id
        ), account AS (
            UPDATE users u SET text_barred = false FROM used WHERE u.id = used.user_id
            RETURNING u.*
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
    ($name:ident $text:expr) => {
        statement!($name {
            passkey_id: Uuid => SqlUuid,
            user_id: Uuid => SqlUuid,
            counter: i64 => BigInt,
            backed_up: bool => Bool,
            challenge_id: Option<String> => Nullable<Text>,
            verification_id: Option<Uuid> => Nullable<SqlUuid>,
            phone: Option<String> => Nullable<Text>,
            kind: &'static str => Text,
            ..session: SessionInput,
        } $text);

        impl $name {
            fn new(usage: &PasskeyUse, attempt: Option<&Attempt>, session: &NewSession) -> Self {
                Self {
                    passkey_id: usage.passkey_id.0,
                    user_id: usage.user_id.0,
                    counter: usage.assertion.counter.into(),
                    backed_up: usage.assertion.backed_up,
                    challenge_id: attempt.map(|attempt| attempt.challenge_id.as_str().to_owned()),
                    verification_id: attempt.map(|attempt| attempt.verification_id.0),
                    phone: attempt.map(|attempt| attempt.phone.as_e164().to_owned()),
                    kind: AnswerKind::Passkey.as_str(),
                    session: session.into(),
                }
            }
        }
    };
}

admit!(SignIn concat!(", holder AS MATERIALIZED (
        SELECT u.id FROM input i JOIN users u ON u.id = i.user_id WHERE u.locked_at IS NULL
        FOR NO KEY UPDATE OF u
    )", passkey!(), ", owner AS MATERIALIZED (
        SELECT a.* FROM account a
    )", session!(since "i.now"), oldest_session!(but ""), admitted!()));
admit!(AnswerLogin concat!(factor!("login", passkey!()), closed_login!(), further_session!(), admitted!()));
admit!(AnswerStepUp concat!(factor!("step_up", passkey!()), closed_step_up!(), further_session!(in_place_of_replaced), admitted!()));

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
