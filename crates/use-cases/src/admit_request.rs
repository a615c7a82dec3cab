//! How many requests clients may make, whatever they ask for.

use std::{net::IpAddr, sync::Arc};

use domain::{LimitDemand, LimitKey, LimitOutage, LimitStanding, LimitSubject, RateLimit};
use jiff::SignedDuration;
use ports::{LimiterUnavailable, RateLimiter};

use crate::Fault;

/// What is limited here.
const REQUESTS: &str = "requests";

/// A limit, and what holds while nobody can tell what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    pub limit: RateLimit,
    pub outage: LimitOutage,
}

/// Lets a request pass while its client, and all clients together, have not used up their limits.
///
/// It looks at nothing but the address, so it tells nothing of accounts.
pub struct AdmitRequest {
    /// What counts for all replicas, if they share limits.
    pub shared: Option<Arc<dyn RateLimiter>>,
    /// What counts for this process.
    pub alone: Arc<dyn RateLimiter>,
    /// Of each client address; `None` where something else limits them.
    pub address: Option<RequestLimit>,
    /// Of all clients together.
    pub everyone: Option<RequestLimit>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmittedRequest {
    /// How the limit of the address stands, if it was counted.
    pub address: Option<LimitStanding>,
    /// How long to wait before the next one, if this one is refused.
    pub retry_after: Option<SignedDuration>,
}

/// One of the limits of a request, with what it counts.
struct Asked {
    demand: LimitDemand,
    outage: LimitOutage,
    is_address: bool,
}

impl AdmitRequest {
    /// Counts a request of `address`.
    ///
    /// # Errors
    /// While the shared limits cannot be counted and one of them refuses then.
    pub async fn execute(&self, address: Option<IpAddr>) -> Result<AdmittedRequest, Fault> {
        let asked = self.asked(address);
        if asked.is_empty() {
            return Ok(AdmittedRequest { address: None, retry_after: None });
        }
        let Some(shared) = &self.shared else { return take(self.alone.as_ref(), &asked).await.map_err(away) };
        match take(shared.as_ref(), &asked).await {
            Ok(admitted) => Ok(admitted),
            Err(fault) => self.alone(asked, fault).await,
        }
    }

    /// What holds without the shared limits.
    async fn alone(&self, asked: Vec<Asked>, fault: LimiterUnavailable) -> Result<AdmittedRequest, Fault> {
        if asked.iter().any(|asked| asked.outage == LimitOutage::Refuse) {
            return Err(away(fault));
        }
        let counted = asked.into_iter().filter(|asked| asked.outage == LimitOutage::CountAlone);
        take(self.alone.as_ref(), &counted.collect::<Vec<_>>()).await.map_err(away)
    }

    fn asked(&self, address: Option<IpAddr>) -> Vec<Asked> {
        let asked = |RequestLimit { limit, outage }, subject, is_address| Asked {
            demand: LimitDemand { key: LimitKey { limit: REQUESTS, subject }, limit },
            outage,
            is_address,
        };
        let address = self.address.map(|limit| asked(limit, LimitSubject::address(address), true));
        let everyone = self.everyone.map(|limit| asked(limit, LimitSubject::everyone(), false));
        address.into_iter().chain(everyone).collect()
    }
}

async fn take(limiter: &dyn RateLimiter, asked: &[Asked]) -> Result<AdmittedRequest, LimiterUnavailable> {
    let demands: Vec<LimitDemand> = asked.iter().map(|asked| asked.demand.clone()).collect();
    let ruling = limiter.take(&demands).await?;
    let mut standings = asked.iter().zip(ruling.standings());
    let address = standings.find(|(asked, _)| asked.is_address).map(|(_, standing)| *standing);
    Ok(AdmittedRequest { address, retry_after: ruling.retry_after() })
}

fn away(fault: LimiterUnavailable) -> Fault {
    Fault::LimitsUnavailable(fault)
}
