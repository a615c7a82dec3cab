//! How often something may happen.

use std::error::Error;

use async_trait::async_trait;
use domain::{LimitDemand, LimitRuling};

/// Nobody can tell what is used of the limits. What was asked for may have been counted.
#[derive(Debug, thiserror::Error)]
#[error("the limits cannot be counted")]
pub struct LimiterUnavailable(#[source] pub Box<dyn Error + Send + Sync>);

/// Counts what is limited, for one process or for all replicas, and by its own clock.
///
/// It need not remember what is used across a restart, and may forget limits that are nearly
/// unused when it has no room left.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait RateLimiter: Send + Sync {
    /// Uses one of every limit, or of none when one of them is used up: in one step, so that of
    /// any number of concurrent calls no more are admitted than each limit allows. A refusal
    /// leaves everything as it was. No key may stand twice among the demands.
    ///
    /// # Errors
    /// [`LimiterUnavailable`] within the time that the adapter was given.
    async fn take(&self, demands: &[LimitDemand]) -> Result<LimitRuling, LimiterUnavailable>;
}
