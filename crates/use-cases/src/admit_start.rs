//! What strangers have to compute under suspicion before a message.

use std::sync::Arc;

use domain::{CountryCode, ProofOfWork, RuleMode, Shield, WorkDemand};
use ports::{Clock, ShieldStore, WorkPuzzles};

use crate::Fault;

/// Demands a proof of work of whoever would cause a message without having proven anything, while
/// an attack seems to be under way.
///
/// What it looks at does not depend on accounts: neither a demand nor its absence tells of one.
pub struct AdmitStart {
    pub clock: Arc<dyn Clock>,
    pub store: Arc<dyn ShieldStore>,
    pub puzzles: Arc<dyn WorkPuzzles>,
    pub shield: Arc<Shield>,
}

/// Why nothing may be started.
#[derive(Debug, thiserror::Error)]
pub enum AdmitStartError {
    /// No proof of work came along, or one that does not count.
    #[error("a proof of work is required")]
    WorkRequired(WorkDemand),
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl AdmitStart {
    /// Lets a start pass: always while nothing is suspicious, else with a proof of work that was
    /// not used before. `country` is that of the number, if the caller named one.
    #[tracing::instrument(name = "admit_start", skip_all)]
    pub async fn execute(
        &self,
        country: Option<CountryCode>,
        proof: Option<&ProofOfWork>,
    ) -> Result<(), AdmitStartError> {
        let rule = self.shield.work;
        if rule.mode == RuleMode::Off {
            return Ok(());
        }
        let now = self.clock.now();
        let starts = self.store.count_start(country, now).await.map_err(Fault::from)?;
        let attack =
            self.shield.shows_attack(starts.country_hour, starts.service_hour, starts.blocked_prefixes);
        let crowd = rule.starts_per_hour.is_some_and(|most| starts.in_hour >= u64::from(most));
        if !attack && !crowd {
            return Ok(());
        }
        if rule.mode == RuleMode::Observe {
            tracing::warn!(event = "shield_would_block", rule = "proof_of_work", starts = starts.in_hour);
            return Ok(());
        }
        let expires_at = proof.and_then(|proof| self.puzzles.check(proof, now).ok());
        if let (Some(proof), Some(expires_at)) = (proof, expires_at)
            && self.store.spend_puzzle(proof.puzzle(), expires_at).await.map_err(Fault::from)?
        {
            return Ok(());
        }
        tracing::warn!(event = "shield_block", rule = "proof_of_work", starts = starts.in_hour);
        Err(AdmitStartError::WorkRequired(self.puzzles.pose(rule.bits, now)))
    }
}
