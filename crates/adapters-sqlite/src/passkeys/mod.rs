//! Passkeys and their ceremonies.

mod admitting;
mod ceremonies;
mod keeping;

use async_trait::async_trait;
use diesel::{QueryResult, prelude::*, sqlite::Sqlite};
use domain::{CeremonyId, ChallengeId, CredentialId, Passkey, PasskeyId, UserId};
use jiff::Timestamp;
use ports::{
    Added, Admitted, Answerable, Attempt, CeremonyAnswer, CeremonyState, CredentialRecord, NewCeremony,
    NewPasskey, NewSession, PasskeyRemoval, PasskeyStore, PasskeyUse, StoreError, StoredCredential,
    TakenCeremony,
};

use crate::{error::unreadable, schema::passkeys, store::SqliteStore, types::Id};

/// What a passkey is recognised by.
#[derive(Queryable, Selectable)]
#[diesel(table_name = passkeys, check_for_backend(Sqlite))]
struct CredentialRow {
    id: Id,
    user_id: Id,
    credential_id: Vec<u8>,
    record: Vec<u8>,
}

impl CredentialRow {
    fn into_credential(self) -> QueryResult<StoredCredential> {
        let id = CredentialId::from_bytes(self.credential_id);
        Ok(StoredCredential {
            passkey_id: PasskeyId(self.id.0),
            user_id: UserId(self.user_id.0),
            id: id.ok_or_else(|| unreadable("passkeys.credential_id"))?,
            record: CredentialRecord(self.record),
        })
    }
}

#[async_trait]
impl PasskeyStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.list_passkeys", skip_all)]
    async fn list_passkeys(&self, user_id: UserId) -> Result<Vec<Passkey>, StoreError> {
        self.read(move |sqlite| keeping::list(sqlite, user_id)).await
    }

    #[tracing::instrument(name = "sqlite.find_credentials", skip_all)]
    async fn find_credentials(&self, user_id: UserId) -> Result<Vec<StoredCredential>, StoreError> {
        self.read(move |sqlite| keeping::credentials(sqlite, user_id)).await
    }

    #[tracing::instrument(name = "sqlite.find_answerable", skip_all)]
    async fn find_answerable(
        &self,
        id: &ChallengeId,
        now: Timestamp,
    ) -> Result<Option<Answerable>, StoreError> {
        let id = id.clone();
        self.read(move |sqlite| ceremonies::answerable(sqlite, &id, now)).await
    }

    #[tracing::instrument(name = "sqlite.begin_ceremony", skip_all)]
    async fn begin_ceremony(&self, ceremony: &NewCeremony) -> Result<(), StoreError> {
        let ceremony = ceremony.clone();
        self.write(move |sqlite| ceremonies::begin(sqlite, &ceremony)).await
    }

    #[tracing::instrument(name = "sqlite.take_registration", skip_all)]
    async fn take_registration(
        &self,
        id: &CeremonyId,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Option<CeremonyState>, StoreError> {
        let id = id.clone();
        self.write(move |sqlite| ceremonies::take_registration(sqlite, &id, user_id, now)).await
    }

    #[tracing::instrument(name = "sqlite.take_authentication", skip_all)]
    async fn take_authentication(
        &self,
        answer: &CeremonyAnswer,
        now: Timestamp,
    ) -> Result<Option<TakenCeremony>, StoreError> {
        let answer = answer.clone();
        self.write(move |sqlite| ceremonies::take_authentication(sqlite, &answer, now)).await
    }

    #[tracing::instrument(name = "sqlite.add_passkey", skip_all)]
    async fn add_passkey(&self, passkey: &NewPasskey, now: Timestamp) -> Result<Added, StoreError> {
        let passkey = passkey.clone();
        self.write(move |sqlite| keeping::add(sqlite, &passkey, now)).await
    }

    #[tracing::instrument(name = "sqlite.remove_passkey", skip_all)]
    async fn remove_passkey(&self, removal: &PasskeyRemoval, now: Timestamp) -> Result<bool, StoreError> {
        let removal = removal.clone();
        self.write(move |sqlite| keeping::remove(sqlite, &removal, now)).await
    }

    #[tracing::instrument(name = "sqlite.sign_in_with_passkey", skip_all)]
    async fn sign_in_with_passkey(
        &self,
        used: &PasskeyUse,
        session: &NewSession,
    ) -> Result<Admitted, StoreError> {
        let (used, session) = (used.clone(), session.clone());
        self.write(move |sqlite| admitting::alone(sqlite, &used, &session)).await
    }

    #[tracing::instrument(name = "sqlite.answer_with_passkey", skip_all)]
    async fn answer_with_passkey(
        &self,
        attempt: &Attempt,
        used: &PasskeyUse,
        session: &NewSession,
    ) -> Result<Admitted, StoreError> {
        let (attempt, used, session) = (attempt.clone(), used.clone(), session.clone());
        self.write(move |sqlite| admitting::answer(sqlite, &attempt, &used, &session)).await
    }
}
