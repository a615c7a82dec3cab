//! Which providers are asked after all others.

use std::sync::Arc;

use domain::{Collapse, Conversion, ProviderConversionRule};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, SendTraceStore};

use crate::Fault;

/// Finds providers whose codes are not entered any more.
pub struct JudgeProviders {
    pub clock: Arc<dyn Clock>,
    pub traces: Arc<dyn SendTraceStore>,
    pub rule: ProviderConversionRule,
}

impl JudgeProviders {
    /// What is judged is that of the last hours.
    const LATELY: SignedDuration = SignedDuration::from_hours(2);
    /// What is usual is that of the day before them.
    const USUALLY: SignedDuration = SignedDuration::from_hours(26);

    /// What is usual. Reads a day of traces.
    pub async fn usual(&self) -> Result<Vec<Conversion>, Fault> {
        self.between(Self::USUALLY, Self::LATELY).await
    }

    /// Whoever collapsed lately, for each country.
    pub async fn collapses(&self, usual: &[Conversion]) -> Result<Vec<Collapse>, Fault> {
        let lately = self.between(Self::LATELY, self.rule.grace).await?;
        Ok(self.rule.collapsed(&lately, usual))
    }

    async fn between(&self, from: SignedDuration, until: SignedDuration) -> Result<Vec<Conversion>, Fault> {
        let now = self.clock.now();
        let ago = |age| now.checked_sub(age).unwrap_or(Timestamp::MIN);
        Ok(self.traces.list_conversions(ago(from), ago(until)).await?)
    }
}
