//! Challenges, the codes sent for them and the guesses made at them.

mod attempt;
mod open;
mod purge;
mod redeem;
mod send;

use async_trait::async_trait;
use domain::{ProviderId, SendReference, UserId};
use jiff::Timestamp;
use ports::{
    Attempt, ChallengeStore, Guess, NewChallenge, NewSession, Opened, Redeemed, Resend, StoreError, Taken,
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
    async fn give_back(&self, attempt: &Attempt, max_given_back: u32) -> Result<(), StoreError> {
        attempt::give_back(self, attempt, max_given_back).await
    }

    #[tracing::instrument(name = "postgres.redeem_registration", level = "debug", skip_all)]
    async fn redeem_registration(
        &self,
        attempt: &Attempt,
        user_id: UserId,
        session: &NewSession,
    ) -> Result<Redeemed, StoreError> {
        redeem::registration(self, attempt, user_id, session).await
    }

    #[tracing::instrument(name = "postgres.redeem_login", level = "debug", skip_all)]
    async fn redeem_login(&self, attempt: &Attempt, session: &NewSession) -> Result<Redeemed, StoreError> {
        redeem::login(self, attempt, session).await
    }

    #[tracing::instrument(name = "postgres.redeem_step_up", level = "debug", skip_all)]
    async fn redeem_step_up(&self, attempt: &Attempt, session: &NewSession) -> Result<Redeemed, StoreError> {
        redeem::step_up(self, attempt, session).await
    }

    #[tracing::instrument(name = "postgres.purge", level = "debug", skip_all)]
    async fn purge(&self, now: Timestamp, most: u32) -> Result<u64, StoreError> {
        purge::purge(self, now, most).await
    }
}
