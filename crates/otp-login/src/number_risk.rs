//! Whether numbers change hands: nobody tells us, and whoever will one day has two seconds.

use std::time::Duration;

use async_trait::async_trait;
use domain::{NumberReport, PhoneNumber};
use ports::{NumberRisk, NumberRiskFault};

/// What the log says at the start, and `config show` at its end.
pub(crate) const NOT_WATCHED: &str =
    "no source of number risk is configured; changed SIMs and ported numbers are not noticed";

/// Stands where a source of number risk would: knows nothing of any number.
pub(crate) struct UnwatchedNumbers;

#[async_trait]
impl NumberRisk for UnwatchedNumbers {
    async fn report(&self, _: &PhoneNumber) -> Result<NumberReport, NumberRiskFault> {
        Ok(NumberReport::default())
    }
}

/// Ends what takes a source too long, so that sign-ins do not hang with it.
pub(crate) struct Bounded<R>(pub(crate) R);

const LONGEST: Duration = Duration::from_secs(2);

#[async_trait]
impl<R: NumberRisk> NumberRisk for Bounded<R> {
    async fn report(&self, phone: &PhoneNumber) -> Result<NumberReport, NumberRiskFault> {
        let late = |_| NumberRiskFault("no answer within two seconds".to_owned());
        tokio::time::timeout(LONGEST, self.0.report(phone)).await.map_err(late)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hanging;

    #[async_trait]
    impl NumberRisk for Hanging {
        async fn report(&self, _: &PhoneNumber) -> Result<NumberReport, NumberRiskFault> {
            std::future::pending().await
        }
    }

    fn phone() -> PhoneNumber {
        PhoneNumber::from_stored("+46701234567").unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn nb_08_a_source_that_hangs_is_a_fault_after_two_seconds() {
        let began = tokio::time::Instant::now();
        Bounded(Hanging).report(&phone()).await.unwrap_err();
        assert_eq!(began.elapsed(), LONGEST);
    }

    #[tokio::test]
    async fn nb_08_nobody_knows_anything_of_a_number() {
        let report = Bounded(UnwatchedNumbers).report(&phone()).await;
        assert_eq!(report, Ok(NumberReport::default()));
    }
}
