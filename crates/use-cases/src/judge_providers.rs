//! Which providers are asked after all others.

use std::{collections::BTreeMap, sync::Arc};

use domain::{
    Collapse, FigureDimension, FigureGroup, FigureWindow, ProviderConversionRule, RuleMode, SendFigures,
};
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, FigureQuery, SendTraceStore};

use crate::Fault;

/// Finds providers whose codes are not entered any more.
pub struct JudgeProviders {
    pub clock: Arc<dyn Clock>,
    pub traces: Arc<dyn SendTraceStore>,
    pub rule: ProviderConversionRule,
}

impl JudgeProviders {
    /// The hour that runs and the one before it.
    const LATELY_HOURS: u32 = 2;
    /// What is usual is that of a week.
    const USUAL_HOURS: u32 = 24 * 7;
    /// The most providers and countries that are looked at, those with the most messages first.
    const MOST: u32 = 1000;

    /// Whoever collapsed, for each country. With two round trips to the database, whatever was sent.
    #[tracing::instrument(name = "judge_providers", level = "debug", skip_all)]
    pub async fn execute(&self) -> Result<Vec<Collapse>, Fault> {
        if self.rule.mode == RuleMode::Off {
            return Ok(Vec::new());
        }
        let now = self.clock.now();
        let lately = FigureWindow::last_hours(Self::LATELY_HOURS, now);
        let before = lately.since.checked_sub(SignedDuration::from_micros(1)).unwrap_or(Timestamp::MIN);
        let usual = FigureWindow::last_hours(Self::USUAL_HOURS, before);
        Ok(self.rule.collapsed(&self.figures(lately).await?, &self.figures(usual).await?))
    }

    async fn figures(&self, window: FigureWindow) -> Result<BTreeMap<FigureGroup, SendFigures>, Fault> {
        let by = vec![FigureDimension::Provider, FigureDimension::Country];
        let cells = self.traces.list_figures(&FigureQuery { window, by, most: Self::MOST }).await?;
        let mut groups: BTreeMap<FigureGroup, SendFigures> = BTreeMap::new();
        for cell in cells {
            *groups.entry(cell.group).or_default() += cell.figures;
        }
        Ok(groups)
    }
}
