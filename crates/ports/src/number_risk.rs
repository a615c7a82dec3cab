//! Whoever knows that a number changed hands.

use async_trait::async_trait;
use domain::{NumberReport, PhoneNumber};

/// Nothing was learnt of a number. The text is for logs and holds neither secrets nor numbers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NumberRiskFault(pub String);

/// Tells what network operators know of numbers: changes of the SIM and of the operator, and the
/// kind of line.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait NumberRisk: Send + Sync {
    /// What is known of the number now; of one that is not known, a report that says nothing.
    /// Answers within two seconds, whatever the source does. Asked before each code that opens an
    /// account, so an answer may be remembered for some minutes.
    async fn report(&self, phone: &PhoneNumber) -> Result<NumberReport, NumberRiskFault>;
}
