//! Ceremonies: begun, and used up by whoever takes them first.

use diesel::{
    QueryableByName,
    sql_types::{Binary, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use domain::{CeremonyId, ChallengeId, UserId};
use jiff::Timestamp;
use ports::{
    Answerable, CeremonyAnswer, CeremonyKind, CeremonyState, NewCeremony, StoreError, StoredCredential,
    TakenCeremony,
};
use uuid::Uuid;

use super::{CredentialRow, credential_columns};
use crate::{PostgresStore, events::held_owner, statement::statement, types::Instant};

statement!(FindAnswerable { id: String => Text, now: Instant => Timestamptz } concat!("
    SELECT c.user_id, ", credential_columns!(), "
    FROM input i JOIN challenges c ON c.id = i.id AND c.purpose IN ('login', 'step_up') AND c.expires_at > i.now
    JOIN verifications v ON v.phone = c.phone AND v.purpose = c.purpose AND v.id = c.verification_id
    LEFT JOIN passkeys p ON p.user_id = c.user_id
    WHERE v.attempts_left > 0 AND v.expires_at > i.now ORDER BY p.id"));

statement!(Begin {
    id: String => Text,
    kind: &'static str => Text,
    user_id: Option<Uuid> => Nullable<SqlUuid>,
    challenge_id: Option<String> => Nullable<Text>,
    state: Vec<u8> => Binary,
    expires_at: Instant => Timestamptz,
} concat!(held_owner!(), "
    INSERT INTO passkey_ceremonies (id, kind, user_id, challenge_id, state, expires_at)
    SELECT i.id, i.kind, i.user_id, i.challenge_id, i.state, i.expires_at
    FROM input i LEFT JOIN owner o ON true WHERE i.user_id IS NULL OR o.id IS NOT NULL"));

statement!(TakeRegistration {
    id: String => Text,
    user_id: Uuid => SqlUuid,
    now: Instant => Timestamptz,
} "
    DELETE FROM passkey_ceremonies c USING input i
    WHERE c.id = i.id AND c.kind = 'registration' AND c.user_id = i.user_id AND c.expires_at > i.now
    RETURNING c.state");

statement!(TakeAuthentication {
    id: String => Text,
    challenge_id: Option<String> => Nullable<Text>,
    credential_id: Vec<u8> => Binary,
    now: Instant => Timestamptz,
} concat!(", taken AS (
        DELETE FROM passkey_ceremonies c USING input i
        WHERE c.id = i.id AND c.kind IN ('answer', 'sign_in') AND c.expires_at > i.now
        AND c.challenge_id IS NOT DISTINCT FROM i.challenge_id
        RETURNING c.state, c.user_id
    )
    SELECT t.state, ", credential_columns!(), "
    FROM input i CROSS JOIN taken t LEFT JOIN passkeys p
    ON p.credential_id = i.credential_id AND p.user_id = coalesce(t.user_id, p.user_id)"));

#[derive(QueryableByName)]
struct AnswerableRow {
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(embed)]
    credential: Option<CredentialRow>,
}

#[derive(QueryableByName)]
struct StateRow {
    #[diesel(sql_type = Binary)]
    state: Vec<u8>,
}

#[derive(QueryableByName)]
struct TakenRow {
    #[diesel(sql_type = Binary)]
    state: Vec<u8>,
    #[diesel(embed)]
    credential: Option<CredentialRow>,
}

pub(super) async fn answerable(
    store: &PostgresStore,
    id: &ChallengeId,
    now: Timestamp,
) -> Result<Option<Answerable>, StoreError> {
    let find = FindAnswerable { id: id.as_str().to_owned(), now: Instant(now) };
    let rows: Vec<AnswerableRow> = store.rows(find).await?;
    let Some(user_id) = rows.first().map(|row| UserId(row.user_id)) else { return Ok(None) };
    let credentials = rows.into_iter().filter_map(|row| row.credential).map(StoredCredential::try_from);
    Ok(Some(Answerable { user_id, credentials: credentials.collect::<Result<_, _>>()? }))
}

pub(super) async fn begin(store: &PostgresStore, ceremony: &NewCeremony) -> Result<(), StoreError> {
    let (kind, user_id, challenge_id) = match &ceremony.kind {
        CeremonyKind::Registration { user_id } => ("registration", Some(user_id), None),
        CeremonyKind::Answer { user_id, challenge_id } => ("answer", Some(user_id), Some(challenge_id)),
        CeremonyKind::SignIn => ("sign_in", None, None),
    };
    let begin = Begin {
        id: ceremony.id.as_str().to_owned(),
        kind,
        user_id: user_id.map(|user_id| user_id.0),
        challenge_id: challenge_id.map(|id| id.as_str().to_owned()),
        state: ceremony.state.0.clone(),
        expires_at: Instant(ceremony.expires_at),
    };
    store.execute(begin).await.map(drop)
}

pub(super) async fn take_registration(
    store: &PostgresStore,
    id: &CeremonyId,
    user_id: UserId,
    now: Timestamp,
) -> Result<Option<CeremonyState>, StoreError> {
    let take = TakeRegistration { id: id.as_str().to_owned(), user_id: user_id.0, now: Instant(now) };
    let row: Option<StateRow> = store.row(take).await?;
    Ok(row.map(|row| CeremonyState(row.state)))
}

pub(super) async fn take_authentication(
    store: &PostgresStore,
    answer: &CeremonyAnswer,
    now: Timestamp,
) -> Result<Option<TakenCeremony>, StoreError> {
    let take = TakeAuthentication {
        id: answer.id.as_str().to_owned(),
        challenge_id: answer.challenge_id.as_ref().map(|id| id.as_str().to_owned()),
        credential_id: answer.presented.as_bytes().to_vec(),
        now: Instant(now),
    };
    let row: Option<TakenRow> = store.row(take).await?;
    let Some(TakenRow { state, credential }) = row else { return Ok(None) };
    let credential = credential.map(StoredCredential::try_from).transpose()?;
    Ok(Some(TakenCeremony { state: CeremonyState(state), credential }))
}
