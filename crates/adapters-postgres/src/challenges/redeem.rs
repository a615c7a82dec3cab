//! Using the right code.

use diesel::{
    QueryableByName,
    sql_types::{BigInt, Binary, Bool, Nullable, Text, Uuid as SqlUuid},
};
use domain::{User, UserId};
use ports::{Attempt, Disclosure, NewSession, Proof, Redeemed, StoreError, Subject};
use uuid::Uuid;

use crate::{
    PostgresStore,
    challenges::answered::{closed_login, closed_step_up, factor, further_session},
    rows::{UserRow, user_columns},
    sessions::{SessionInput, session},
    shield::{AnswerInput, answered},
    statement::statement,
};

/// Defines the use of a right answer. All take the same input, whether they look at all of it or
/// not. Whoever deletes the verification, in `won`, has used the challenge.
macro_rules! redeem {
    ($name:ident $text:expr) => {
        statement!($name {
            challenge_id: String => Text,
            verification_id: Uuid => SqlUuid,
            phone: String => Text,
            user_id: Uuid => SqlUuid,
            kind: &'static str => Text,
            step: Option<i64> => Nullable<BigInt>,
            recovery_code: Option<Vec<u8>> => Nullable<Binary>,
            used_event_id: Option<Uuid> => Nullable<SqlUuid>,
            used_event_name: Option<&'static str> => Nullable<Text>,
            used_event_phone: Option<String> => Nullable<Text>,
            disclosed_of_email: Option<Uuid> => Nullable<SqlUuid>,
            disclosed_of_phone: Option<Uuid> => Nullable<SqlUuid>,
            disclosed_name: Option<&'static str> => Nullable<Text>,
            ..session: SessionInput,
            ..answer: AnswerInput,
        } $text);

        impl $name {
            fn new(attempt: &Attempt, user_id: UserId, proof: &Proof, session: &NewSession) -> Self {
                let (step, recovery) = match proof {
                    Proof::SentCode => (None, None),
                    Proof::Totp(step) => (Some(step.0), None),
                    Proof::RecoveryCode { hash, event } => (None, Some((hash.0.to_vec(), event))),
                };
                let (recovery_code, used_event) = recovery.unzip();
                Self {
                    challenge_id: attempt.challenge_id.as_str().to_owned(),
                    verification_id: attempt.verification_id.0,
                    phone: attempt.phone.as_e164().to_owned(),
                    user_id: user_id.0,
                    kind: proof.kind().as_str(),
                    step,
                    recovery_code,
                    used_event_id: used_event.map(|event| event.id.0),
                    used_event_name: used_event.map(|event| event.name.as_str()),
                    used_event_phone: used_event
                        .and_then(|event| event.notify.as_ref())
                        .map(|phone| phone.as_e164().to_owned()),
                    disclosed_of_email: None,
                    disclosed_of_phone: None,
                    disclosed_name: None,
                    session: session.into(),
                    answer: AnswerInput::new(attempt, session.times.created_at),
                }
            }
        }
    };
}

/// The code that was sent: uses the challenge, then holds the account.
macro_rules! sent_code {
    ($purpose:literal) => {
        concat!(
            ", won AS (
                DELETE FROM verifications v USING input i
                WHERE v.phone = i.phone AND v.purpose = '",
            $purpose,
            "' AND v.id = i.verification_id
                RETURNING v.id, v.purpose, v.phone
            )",
            answered!()
        )
    };
    ($purpose:literal, hold) => {
        sent_code!($purpose, hold where "true")
    };
    ($purpose:literal, hold where $condition:literal) => {
        concat!(
            sent_code!($purpose),
            ", account AS MATERIALIZED (
                SELECT u.* FROM input i, won, users u
                WHERE u.id = i.user_id AND u.locked_at IS NULL AND NOT u.text_barred AND ",
            $condition,
            "
                FOR SHARE OF u
            )"
        )
    };
}

/// The step of the app, once, and with it all before.
macro_rules! totp {
    () => {
        ", account AS (
            UPDATE users u SET totp_last_step = i.step, text_barred = false FROM input i, holder h
            WHERE u.id = h.id AND u.totp_last_step < i.step
            RETURNING u.*
        )"
    };
}

/// The recovery code, once.
macro_rules! recovery_code {
    () => {
        ", spent AS (
            DELETE FROM recovery_codes r USING input i, holder h
            WHERE r.user_id = h.id AND r.hash = i.recovery_code
            RETURNING r.user_id
        ), account AS (
            UPDATE users u SET recovery_codes_left = u.recovery_codes_left - 1, text_barred = false FROM spent s
            WHERE u.id = s.user_id
            RETURNING u.*
        )"
    };
}

/// That a recovery code was used, beside what the session is recorded as.
macro_rules! noted {
    () => {
        ", noted AS (
            INSERT INTO events (id, user_id, name, session_id, client_address, user_agent, occurred_at,
                notify_phone, notify_locale, notify_at)
            SELECT i.used_event_id, s.user_id, i.used_event_name, s.id, i.event_address, i.event_agent, i.now,
                i.used_event_phone, CASE WHEN i.used_event_phone IS NOT NULL THEN o.locale END,
                CASE WHEN i.used_event_phone IS NOT NULL THEN i.now END
            FROM input i, session s, owner o
        )"
    };
}

/// The account that a code opened; no row when it opened none.
macro_rules! opened {
    () => {
        concat!(" SELECT false AS refused, ", user_columns!(), " FROM owner u")
    };
}

/// The account that another factor opened; no row when the challenge was used before.
macro_rules! opened_or_refused {
    () => {
        concat!(
            " SELECT NOT EXISTS (SELECT FROM account) AS refused, ",
            user_columns!(),
            " FROM held LEFT JOIN owner u ON true"
        )
    };
}

redeem!(RedeemRegistration concat!(sent_code!("registration"), ", registration AS MATERIALIZED (
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
    SELECT u.id IS NOT NULL AS created, CASE WHEN u.id IS NULL THEN record_disclosure(
            r.email_canonical, r.phone, i.disclosed_of_email, i.disclosed_of_phone, i.disclosed_name,
            i.event_address, i.event_agent, i.now) END AS disclosed, ", user_columns!(), "
    FROM input i CROSS JOIN registration r LEFT JOIN owner u ON true"));

redeem!(RedeemLogin concat!(sent_code!("login", hold), closed_login!(), further_session!(), opened!()));
// An app may have been enrolled since the code was asked for: then a text alone opens nothing.
redeem!(RedeemPhoneLogin concat!(
    sent_code!("phone_login", hold where "u.totp_last_step IS NULL"),
    closed_login!(), further_session!(),
    opened!()
));
redeem!(RedeemLoginByTotp concat!(factor!("login", totp!()), closed_login!(), further_session!(), opened_or_refused!()));
redeem!(RedeemLoginByRecoveryCode concat!(factor!("login", recovery_code!()), closed_login!(), further_session!(), noted!(), opened_or_refused!()));

redeem!(RedeemStepUp concat!(sent_code!("step_up", hold), closed_step_up!(), further_session!(in_place_of_replaced), opened!()));
redeem!(RedeemStepUpByTotp concat!(factor!("step_up", totp!()), closed_step_up!(), further_session!(in_place_of_replaced), opened_or_refused!()));
redeem!(RedeemStepUpByRecoveryCode concat!(factor!("step_up", recovery_code!()), closed_step_up!(), further_session!(in_place_of_replaced), noted!(), opened_or_refused!()));

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
    disclosure: &Disclosure,
) -> Result<Redeemed, StoreError> {
    let mut redeem = RedeemRegistration::new(attempt, user_id, &Proof::SentCode, session);
    redeem.disclosed_of_email = Some(disclosure.of_email.id.0);
    redeem.disclosed_of_phone = Some(disclosure.of_phone.id.0);
    redeem.disclosed_name = Some(disclosure.of_email.name.as_str());
    let row: Option<CreatedRow> = store.row(redeem).await?;
    match row {
        None => Ok(Redeemed::Closed),
        Some(CreatedRow { created: true, user: Some(user) }) => Ok(Redeemed::Done(User::try_from(user)?)),
        Some(_) => Ok(Redeemed::AccountExists),
    }
}

pub(crate) async fn login(
    store: &PostgresStore,
    attempt: &Attempt,
    proof: &Proof,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let row = match proof {
        Proof::SentCode => store.row(RedeemLogin::new(attempt, user_id, proof, session)).await?,
        Proof::Totp(_) => store.row(RedeemLoginByTotp::new(attempt, user_id, proof, session)).await?,
        Proof::RecoveryCode { .. } => {
            store.row(RedeemLoginByRecoveryCode::new(attempt, user_id, proof, session)).await?
        }
    };
    signed_in(row)
}

pub(crate) async fn phone_login(
    store: &PostgresStore,
    attempt: &Attempt,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let mut redeem = RedeemPhoneLogin::new(attempt, user_id, &Proof::SentCode, session);
    // The code was sent to the number, and is kept under the name that was asked for.
    redeem.phone = Subject::PhoneLogin { phone: attempt.phone.clone(), user_id: None }.destination();
    signed_in(store.row(redeem).await?)
}

pub(crate) async fn step_up(
    store: &PostgresStore,
    attempt: &Attempt,
    proof: &Proof,
    session: &NewSession,
) -> Result<Redeemed, StoreError> {
    let Some(user_id) = attempt.user_id else { return Ok(Redeemed::Closed) };
    let row = match proof {
        Proof::SentCode => store.row(RedeemStepUp::new(attempt, user_id, proof, session)).await?,
        Proof::Totp(_) => store.row(RedeemStepUpByTotp::new(attempt, user_id, proof, session)).await?,
        Proof::RecoveryCode { .. } => {
            store.row(RedeemStepUpByRecoveryCode::new(attempt, user_id, proof, session)).await?
        }
    };
    signed_in(row)
}

#[derive(QueryableByName)]
struct OpenedRow {
    #[diesel(sql_type = Bool)]
    refused: bool,
    #[diesel(embed)]
    user: Option<UserRow>,
}

fn signed_in(row: Option<OpenedRow>) -> Result<Redeemed, StoreError> {
    match row {
        Some(OpenedRow { refused: true, .. }) => Ok(Redeemed::Refused),
        Some(OpenedRow { user: Some(user), .. }) => Ok(Redeemed::Done(user.try_into()?)),
        Some(_) | None => Ok(Redeemed::Closed),
    }
}
