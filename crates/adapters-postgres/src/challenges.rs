//! Challenges, the codes sent for them and the guesses made at them.

pub(crate) mod answered;
mod attempt;
mod open;
mod purge;
mod redeem;
mod replace;
mod send;
mod unseen;

use async_trait::async_trait;
use domain::{ChallengeId, Email, ProviderId, SendReference, UserId};
use jiff::Timestamp;
use ports::{
    Attempt, ChallengeStore, Disclosure, Guess, NewChallenge, NewEvent, NewSession, Opened, PasswordReset,
    PhoneChange, Proof, Redeemed, Resend, Spent, StoreError, Taken, UnseenSend,
};

pub(crate) use self::{purge::delete_older, send::limit};
use crate::PostgresStore;

#[async_trait]
impl ChallengeStore for PostgresStore {
    #[tracing::instrument(name = "postgres.open_challenge", level = "debug", skip_all)]
    async fn open(&self, challenge: &NewChallenge, now: Timestamp) -> Result<Option<Opened>, StoreError> {
        open::open(self, challenge, now).await
    }

    #[tracing::instrument(name = "postgres.reserve_resend", level = "debug", skip_all)]
    async fn reserve_resend(&self, resend: &Resend, now: Timestamp) -> Result<Option<Opened>, StoreError> {
        send::reserve_resend(self, resend, now).await
    }

    #[tracing::instrument(name = "postgres.reserve_unseen", level = "debug", skip_all)]
    async fn reserve_unseen(&self, send: &UnseenSend, now: Timestamp) -> Result<bool, StoreError> {
        unseen::reserve(self, send, now).await
    }

    #[tracing::instrument(name = "postgres.settle_sent", level = "debug", skip_all)]
    async fn settle_sent(
        &self,
        reference: SendReference,
        provider_id: &ProviderId,
    ) -> Result<(), StoreError> {
        send::settle_sent(self, reference, provider_id).await
    }

    #[tracing::instrument(name = "postgres.settle_not_sent", level = "debug", skip_all)]
    async fn settle_not_sent(&self, reference: SendReference) -> Result<(), StoreError> {
        send::settle_not_sent(self, reference).await
    }

    #[tracing::instrument(name = "postgres.take_attempt", level = "debug", skip_all)]
    async fn take_attempt(&self, guess: &Guess, now: Timestamp) -> Result<Taken, StoreError> {
        attempt::take(self, guess, now).await
    }

    #[tracing::instrument(name = "postgres.give_back", level = "debug", skip_all)]
    async fn give_back(&self, spent: Spent, max_given_back: u32) -> Result<(), StoreError> {
        attempt::give_back(self, spent, max_given_back).await
    }

    #[tracing::instrument(name = "postgres.redeem_registration", level = "debug", skip_all)]
    async fn redeem_registration(
        &self,
        attempt: &Attempt,
        user_id: UserId,
        session: &NewSession,
        disclosure: &Disclosure,
    ) -> Result<Redeemed, StoreError> {
        redeem::registration(self, attempt, user_id, session, disclosure).await
    }

    #[tracing::instrument(name = "postgres.record_wrong_answer", level = "debug", skip_all)]
    async fn record_wrong_answer(
        &self,
        attempt: &Attempt,
        event: &NewEvent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        attempt::record_wrong_answer(self, attempt, event, now).await
    }

    #[tracing::instrument(name = "postgres.redeem_login", level = "debug", skip_all)]
    async fn redeem_login(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        redeem::login(self, attempt, proof, session).await
    }

    #[tracing::instrument(name = "postgres.redeem_step_up", level = "debug", skip_all)]
    async fn redeem_step_up(
        &self,
        attempt: &Attempt,
        proof: &Proof,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        redeem::step_up(self, attempt, proof, session).await
    }

    #[tracing::instrument(name = "postgres.redeem_phone_login", level = "debug", skip_all)]
    async fn redeem_phone_login(
        &self,
        attempt: &Attempt,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        redeem::phone_login(self, attempt, session).await
    }

    #[tracing::instrument(name = "postgres.find_reset", level = "debug", skip_all)]
    async fn find_reset(&self, id: &ChallengeId, now: Timestamp) -> Result<Option<Email>, StoreError> {
        replace::find_reset(self, id, now).await
    }

    #[tracing::instrument(name = "postgres.reset_password", level = "debug", skip_all)]
    async fn reset_password(
        &self,
        attempt: &Attempt,
        reset: &PasswordReset,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        replace::reset_password(self, attempt, reset, now).await
    }

    #[tracing::instrument(name = "postgres.change_phone", level = "debug", skip_all)]
    async fn change_phone(
        &self,
        attempt: &Attempt,
        change: &PhoneChange,
        now: Timestamp,
    ) -> Result<Redeemed, StoreError> {
        replace::change_phone(self, attempt, change, now).await
    }

    #[tracing::instrument(name = "postgres.purge", level = "debug", skip_all)]
    async fn purge(&self, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        purge::purge(self, now, most).await
    }
}
