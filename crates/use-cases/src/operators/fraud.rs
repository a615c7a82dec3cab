//! What the fraud shield holds against whom, and why.

use std::sync::Arc;

use domain::{
    Channel, DestinationNotAllowed, DestinationPolicy, Observations, PhoneNumber, Ruling, SendOrigin, Shield,
    ShieldScope,
};
use ports::{BlockEntry, Clock, ShieldStore, ShieldedSend};

use crate::{CurrentPrices, Fault};

/// Lists what is blocked.
pub struct ListBlocks {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn ShieldStore>,
}

impl ListBlocks {
    /// The blocks in force, those that end last first.
    #[tracing::instrument(name = "list_blocks", skip_all)]
    pub async fn execute(&self) -> Result<Vec<BlockEntry>, Fault> {
        Ok(self.store.list_blocks(self.clock.now()).await?)
    }
}

/// Takes a block away.
pub struct Unblock {
    pub store: Arc<dyn ShieldStore>,
}

impl Unblock {
    /// Forgets what is held against a prefix or a country; `false` when there is nothing.
    #[tracing::instrument(name = "unblock", skip_all)]
    pub async fn execute(&self, scope: &ShieldScope) -> Result<bool, Fault> {
        let was_held = self.store.unblock(scope).await?;
        tracing::info!(event = "shield_unblock", %scope, was_held);
        Ok(was_held)
    }
}

/// Says what would happen to a number now.
pub struct ExplainNumber {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn ShieldStore>,
    pub destinations: DestinationPolicy,
    pub shield: Arc<Shield>,
    pub prices: Arc<CurrentPrices>,
}

/// What would happen, and what it is judged by.
#[derive(Debug)]
pub struct Explanation {
    pub send: ShieldedSend,
    /// Whether codes are sent to numbers of this kind and country at all.
    pub destination: Result<(), DestinationNotAllowed>,
    pub seen: Observations,
    pub is_guarded: bool,
    pub ruling: Ruling,
}

impl ExplainNumber {
    /// Judges a text message to the number for each origin, without counting it.
    #[tracing::instrument(name = "explain_number", skip_all)]
    pub async fn execute(&self, phone: &PhoneNumber) -> Result<Vec<Explanation>, Fault> {
        let mut explanations = Vec::new();
        for origin in SendOrigin::ALL {
            explanations.push(self.explain(phone, origin).await?);
        }
        Ok(explanations)
    }

    async fn explain(&self, phone: &PhoneNumber, origin: SendOrigin) -> Result<Explanation, Fault> {
        let now = self.clock.now();
        let send = ShieldedSend::new(phone.clone(), origin, None);
        let send = ShieldedSend { cost: self.prices.of(send.country, Channel::Sms), ..send };
        let seen = self.store.observe(&send, now).await?;
        let ruling = self.shield.judge(origin, &send.prefix(), send.country, send.cost, &seen, now);
        Ok(Explanation {
            destination: phone.sendable(&self.destinations),
            is_guarded: self.shield.is_guarded(&seen),
            send,
            seen,
            ruling,
        })
    }
}
