//! Whose codes are not entered, as every process knows it for itself.

use std::{
    collections::BTreeSet,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use domain::{Collapse, Conversion, CountryCode, RuleMode};
use provider_router::Reputation;
use use_cases::{Fault, JudgeProviders};

/// How often it is looked whose codes are entered, and how many of such looks what is usual holds.
const EVERY: Duration = Duration::from_mins(1);
const USUAL_HOLDS: u32 = 60;
const USUAL_RETRIED_AFTER: u32 = 5;

/// Providers, each with a country in which it collapsed.
type Names = BTreeSet<(String, String)>;

/// Who is asked last since the last look. The lock is held for a few instructions, never across an
/// await.
#[derive(Default)]
pub(crate) struct AskedLast(RwLock<Names>);

impl Reputation for AskedLast {
    fn is_asked_last(&self, provider: &str, country: Option<CountryCode>) -> bool {
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // Nearly always.
        if names.is_empty() {
            return false;
        }
        let country = country.map(|country| country.as_str().to_owned()).unwrap_or_default();
        names.contains(&(provider.to_owned(), country))
    }
}

/// Looks whose codes are entered, and tells operators what changed.
pub(crate) struct ConversionWatch {
    pub(crate) judge: JudgeProviders,
    pub(crate) asked_last: Arc<AskedLast>,
    /// Who had collapsed at the last look.
    pub(crate) known: Names,
    pub(crate) usual: Vec<Conversion>,
    /// For how many looks more that holds.
    pub(crate) usual_holds: u32,
}

impl ConversionWatch {
    /// Looks every minute. What cannot be looked at stays as it was.
    pub(crate) async fn run(mut self) {
        loop {
            if let Err(error) = self.look().await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "it is not known whose codes are entered");
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn look(&mut self) -> Result<(), Fault> {
        if self.usual_holds == 0 {
            self.renew_usual().await;
        }
        let collapses = self.judge.collapses(&self.usual).await?;
        self.usual_holds -= 1;
        for collapse in &collapses {
            self.tell(collapse);
        }
        let names: Names = collapses.into_iter().map(|one| (one.provider, one.country)).collect();
        for (provider, country) in self.known.difference(&names) {
            tracing::info!(
                event = "provider_conversion_restored",
                provider,
                country,
                "asked in its turn again"
            );
        }
        if self.judge.rule.mode == RuleMode::Block {
            self.asked_last.0.write().unwrap_or_else(PoisonError::into_inner).clone_from(&names);
        }
        self.known = names;
        Ok(())
    }

    /// What cannot be read now is asked for again a little later; meanwhile the last one holds.
    async fn renew_usual(&mut self) {
        match self.judge.usual().await {
            Ok(usual) => (self.usual, self.usual_holds) = (usual, USUAL_HOLDS),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "it is not known which share of codes is usual");
                self.usual_holds = USUAL_RETRIED_AFTER;
            }
        }
    }

    fn tell(&self, collapse: &Collapse) {
        let Collapse { provider, country, entered_percent, usual_percent } = collapse;
        if self.known.contains(&(provider.clone(), country.clone())) {
            return;
        }
        let is_observed = self.judge.rule.mode == RuleMode::Observe;
        tracing::warn!(
            event = "provider_conversion_collapsed",
            provider,
            country,
            entered_percent,
            usual_percent,
            is_observed,
            "its codes are not entered: it is asked after the others"
        );
    }
}
