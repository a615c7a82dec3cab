//! Passkeys and their ceremonies.

mod admit;
mod ceremonies;
mod keep;

use async_trait::async_trait;
use diesel::{
    QueryableByName,
    sql_types::{Binary, Uuid as SqlUuid},
};
use domain::{CeremonyId, ChallengeId, CredentialId, Passkey, PasskeyId, UserId};
use jiff::Timestamp;
use ports::{
    Added, Admitted, Answerable, Attempt, CeremonyAnswer, CeremonyState, CredentialRecord, NewCeremony,
    NewPasskey, NewSession, PasskeyRemoval, PasskeyStore, PasskeyUse, StoreError, StoredCredential,
    TakenCeremony,
};
use uuid::Uuid;

use crate::{PostgresStore, rows::read};

/// What a passkey is recognised by.
#[derive(QueryableByName)]
struct CredentialRow {
    #[diesel(sql_type = SqlUuid)]
    passkey_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    owner_id: Uuid,
    #[diesel(sql_type = Binary)]
    credential_id: Vec<u8>,
    #[diesel(sql_type = Binary)]
    record: Vec<u8>,
}

/// The select list that [`CredentialRow`] reads, of a row named `p`.
macro_rules! credential_columns {
    () => {
        "p.id AS passkey_id, p.user_id AS owner_id, p.credential_id, p.record"
    };
}
use credential_columns;

impl TryFrom<CredentialRow> for StoredCredential {
    type Error = StoreError;

    fn try_from(row: CredentialRow) -> Result<Self, StoreError> {
        Ok(Self {
            passkey_id: PasskeyId(row.passkey_id),
            user_id: UserId(row.owner_id),
            id: read(CredentialId::from_bytes(row.credential_id), "passkeys", "credential_id")?,
            record: CredentialRecord(row.record),
        })
    }
}

#[async_trait]
impl PasskeyStore for PostgresStore {
    #[tracing::instrument(name = "postgres.list_passkeys", level = "debug", skip_all)]
    async fn list_passkeys(&self, user_id: UserId) -> Result<Vec<Passkey>, StoreError> {
        keep::list(self, user_id).await
    }

    #[tracing::instrument(name = "postgres.find_credentials", level = "debug", skip_all)]
    async fn find_credentials(&self, user_id: UserId) -> Result<Vec<StoredCredential>, StoreError> {
        keep::credentials(self, user_id).await
    }

    #[tracing::instrument(name = "postgres.find_answerable", level = "debug", skip_all)]
    async fn find_answerable(
        &self,
        id: &ChallengeId,
        now: Timestamp,
    ) -> Result<Option<Answerable>, StoreError> {
        ceremonies::answerable(self, id, now).await
    }

    #[tracing::instrument(name = "postgres.begin_ceremony", level = "debug", skip_all)]
    async fn begin_ceremony(&self, ceremony: &NewCeremony) -> Result<(), StoreError> {
        ceremonies::begin(self, ceremony).await
    }

    #[tracing::instrument(name = "postgres.take_registration", level = "debug", skip_all)]
    async fn take_registration(
        &self,
        id: &CeremonyId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<CeremonyState>, StoreError> {
        ceremonies::take_registration(self, id, user_id, now).await
    }

    #[tracing::instrument(name = "postgres.take_authentication", level = "debug", skip_all)]
    async fn take_authentication(
        &self,
        answer: &CeremonyAnswer,
        now: Timestamp,
    ) -> Result<Option<TakenCeremony>, StoreError> {
        ceremonies::take_authentication(self, answer, now).await
    }

    #[tracing::instrument(name = "postgres.add_passkey", level = "debug", skip_all)]
    async fn add_passkey(&self, passkey: &NewPasskey, now: Timestamp) -> Result<Added, StoreError> {
        keep::add(self, passkey, now).await
    }

    #[tracing::instrument(name = "postgres.remove_passkey", level = "debug", skip_all)]
    async fn remove_passkey(&self, removal: &PasskeyRemoval, now: Timestamp) -> Result<bool, StoreError> {
        keep::remove(self, removal, now).await
    }

    #[tracing::instrument(name = "postgres.sign_in_with_passkey", level = "debug", skip_all)]
    async fn sign_in_with_passkey(
        &self,
        used: &PasskeyUse,
        session: &NewSession,
    ) -> Result<Admitted, StoreError> {
        admit::alone(self, used, session).await
    }

    #[tracing::instrument(name = "postgres.answer_with_passkey", level = "debug", skip_all)]
    async fn answer_with_passkey(
        &self,
        attempt: &Attempt,
        used: &PasskeyUse,
        session: &NewSession,
    ) -> Result<Admitted, StoreError> {
        admit::answer(self, attempt, used, session).await
    }
}
