//! Challenges, their codes and guesses.

mod failures;
mod guessing;
mod live;
mod opening;
mod purging;
mod quotas;
mod redeeming;
mod replacing;
mod sending;
mod unseen;

use async_trait::async_trait;
use domain::{ChallengeId, Email, ProviderId, SendReference, UserId};
use jiff::Timestamp;
use ports::{
    Attempt, ChallengeStore, Disclosure, Guess, NewChallenge, NewEvent, NewSession, Opened, PasswordReset,
    PhoneChange, Proof, Redeemed, Resend, Spent, StoreError, Taken, UnseenSend,
};

pub(crate) use self::{
    failures::reopen_all,
    live::Live,
    redeeming::{is_current, open_login, replace_session, use_up},
};
use crate::store::SqliteStore;

#[async_trait]
impl ChallengeStore for SqliteStore {
    #[tracing::instrument(name = "sqlite.open", skip_all)]
    async fn open(&self, challenge: &NewChallenge, now: Timestamp) -> Result<Option<Opened>, StoreError> {
        let challenge = challenge.clone();
        self.write(move |sqlite| opening::open(sqlite, &challenge, now)).await
    }

    #[tracing::instrument(name = "sqlite.reserve_resend", skip_all)]
    async fn reserve_resend(&self, resend: &Resend, now: Timestamp) -> Result<Option<Opened>, StoreError> {
        let resend = resend.clone();
        self.write(move |sqlite| opening::reserve_resend(sqlite, &resend, now)).await
    }

    #[tracing::instrument(name = "sqlite.reserve_unseen", skip_all)]
    async fn reserve_unseen(&self, send: &UnseenSend, now: Timestamp) -> Result<bool, StoreError> {
        let send = send.clone();
        self.write(move |sqlite| unseen::reserve(sqlite, &send, now)).await
    }

    #[tracing::instrument(name = "sqlite.settle_sent", skip_all, fields(send.reference = %reference.0))]
    async fn settle_sent(
        &self,
        reference: SendReference,
        provider_id: &ProviderId,
    ) -> Result<(), StoreError> {
        let provider_id = provider_id.clone();
        self.write(move |sqlite| sending::settle_sent(sqlite, reference, &provider_id)).await
    }

    #[tracing::instrument(name = "sqlite.settle_not_sent", skip_all, fields(send.reference = %reference.0))]
    async fn settle_not_sent(&self, reference: SendReference) -> Result<(), StoreError> {
        self.write(move |sqlite| sending::settle_not_sent(sqlite, reference)).await
    }

    #[tracing::instrument(name = "sqlite.take_attempt", skip_all)]
    async fn take_attempt(&self, guess: &Guess, now: Timestamp) -> Result<Taken, StoreError> {
        let guess = guess.clone();
        self.write(move |sqlite| guessing::take_attempt(sqlite, &guess, now)).await
    }

    #[tracing::instrument(name = "sqlite.give_back", skip_all)]
    async fn give_back(&self, spent: Spent, max_given_back: u32) -> Result<(), StoreError> {
        self.write(move |sqlite| guessing::give_back(sqlite, spent, max_given_back)).await
    }

    #[tracing::instrument(name = "sqlite.redeem_registration", skip_all)]
    async fn redeem_registration(
        &self,
        attempt: &Attempt,
        user_id: UserId,
        session: &NewSession,
        disclosure: &Disclosure,
    ) -> Result<Redeemed, StoreError> {
        let (attempt, session, disclosure) = (attempt.clone(), session.clone(), disclosure.clone());
        self.write(move |sqlite| {
            redeeming::redeem_registration(sqlite, &attempt, user_id, &session, &disclosure)
        })
        .await
    }

    #[tracing::instrument(name = "sqlite.record_wrong_answer", skip_all)]
    async fn record_wrong_answer(
        &self,
        attempt: &Attempt,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (attempt, event) = (attempt.clone(), event.clone());
        self.write(move |sqlite| guessing::record_wrong_answer(sqlite, &attempt, &event, now)).await
    }

    #[tracing::instrument(name = "sqlite.redeem_login", skip_all)]
    async fn redeem_login(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        let (attempt, proof, session) = (attempt.clone(), proof.clone(), session.clone());
        self.write(move |sqlite| redeeming::redeem_login(sqlite, &attempt, &proof, &session)).await
    }

    #[tracing::instrument(name = "sqlite.redeem_step_up", skip_all)]
    async fn redeem_step_up(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        let (attempt, proof, session) = (attempt.clone(), proof.clone(), session.clone());
        self.write(move |sqlite| redeeming::redeem_step_up(sqlite, &attempt, &proof, &session)).await
    }

    #[tracing::instrument(name = "sqlite.redeem_phone_login", skip_all)]
    async fn redeem_phone_login(
        &self,
        attempt: &Attempt,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        let (attempt, session) = (attempt.clone(), session.clone());
        self.write(move |sqlite| redeeming::redeem_login(sqlite, &attempt, &Proof::SentCode, &session)).await
    }

    #[tracing::instrument(name = "sqlite.find_reset", skip_all)]
    async fn find_reset(&self, id: &ChallengeId, now: Timestamp) -> Result<Option<Email>, StoreError> {
        let id = id.clone();
        self.read(move |sqlite| replacing::find_reset(sqlite, &id, now)).await
    }

    #[tracing::instrument(name = "sqlite.reset_password", skip_all)]
    async fn reset_password(
        &self,
        attempt: &Attempt,
        reset: &PasswordReset,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (attempt, reset) = (attempt.clone(), reset.clone());
        self.write(move |sqlite| replacing::reset_password(sqlite, &attempt, &reset, now)).await
    }

    #[tracing::instrument(name = "sqlite.change_phone", skip_all)]
    async fn change_phone(
        &self,
        attempt: &Attempt,
        change: &PhoneChange,
        now: Timestamp,
    ) -> Result<Redeemed, StoreError> {
        let (attempt, change) = (attempt.clone(), change.clone());
        self.write(move |sqlite| replacing::change_phone(sqlite, &attempt, &change, now)).await
    }

    #[tracing::instrument(name = "sqlite.purge", skip_all)]
    async fn purge(&self, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        self.write(move |sqlite| purging::purge(sqlite, now, most)).await
    }
}
