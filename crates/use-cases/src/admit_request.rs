//! How many requests clients may make, and how many may name the same account or number.

use std::{net::IpAddr, sync::Arc};

use domain::{
    LimitDemand, LimitKey, LimitOutage, LimitStanding, LimitSubject, NumberPrefix, PhoneNumber, RateLimit,
    SignInName,
};
use jiff::SignedDuration;
use ports::{LimiterUnavailable, RateLimiter};

use crate::Fault;

/// What is limited, whatever is asked for.
const REQUESTS: &str = "requests";
const FORGED_CALLBACKS: &str = "forged";

/// A limit, and what holds while nobody can tell what is used of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimit {
    pub limit: RateLimit,
    pub outage: LimitOutage,
}

/// Limits of requests that name an account or a number, whoever makes them. `None` does not limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamedLimits {
    /// Of each e-mail address or number that stands for an account.
    pub account: Option<RequestLimit>,
    /// Of each number that is to get a code.
    pub phone: Option<RequestLimit>,
    /// Of each block of numbers.
    pub prefix: Option<RequestLimit>,
    /// Of all numbers of a country.
    pub country: Option<RequestLimit>,
}

/// Whom a request names, and for what. Each act counts apart, so that who exhausts one leaves the
/// others.
#[derive(Clone, Copy)]
pub struct Named<'a> {
    /// A word of lower-case letters.
    pub act: &'static str,
    pub account: Option<&'a SignInName>,
    pub phone: Option<&'a PhoneNumber>,
}

/// Lets a request pass while its client, all clients together, and whoever it names have not used up
/// their limits.
///
/// It looks at the address and at what the request says, never at accounts: names with and without
/// one count the same.
pub struct AdmitRequest {
    /// What counts for all replicas, if they share limits.
    pub shared: Option<Arc<dyn RateLimiter>>,
    /// What counts for this process.
    pub alone: Arc<dyn RateLimiter>,
    /// Of each client address; `None` where something else limits them.
    pub address: Option<RequestLimit>,
    /// Of all clients together.
    pub everyone: Option<RequestLimit>,
    pub named: NamedLimits,
    /// Of callbacks of each client address that are not the provider's.
    pub forged_callbacks: Option<RequestLimit>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdmittedRequest {
    /// How the limit of the address stands, if it was counted.
    pub address: Option<LimitStanding>,
    /// How long to wait before the next one, if this one is refused.
    pub retry_after: Option<SignedDuration>,
}

/// Why a request that names somebody is refused.
#[derive(Debug, thiserror::Error)]
pub enum AdmitNamedError {
    #[error("too many requests name the same account or number")]
    RateLimited { retry_after: SignedDuration },
    #[error(transparent)]
    Fault(#[from] Fault),
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
        self.take(self.asked(address)).await
    }

    /// Counts a callback of `address` that is not the provider's, which is why the address's other
    /// callbacks are not counted.
    ///
    /// # Errors
    /// As [`Self::execute_named`].
    pub async fn execute_forged(&self, address: Option<IpAddr>) -> Result<(), AdmitNamedError> {
        let limit = self.forged_callbacks;
        let asked = limit.map(|limit| limit.asked(FORGED_CALLBACKS, LimitSubject::address(address), false));
        match self.take(asked.into_iter().collect()).await?.retry_after {
            None => Ok(()),
            Some(retry_after) => {
                tracing::warn!(event = "excess_rate_limit_exceeded", limit = "forged_callbacks");
                Err(AdmitNamedError::RateLimited { retry_after })
            }
        }
    }

    /// Counts a request for whom it names. Without effect on what [`Self::execute`] counts.
    ///
    /// # Errors
    /// Where a limit is used up, and while the shared limits cannot be counted and one of them refuses
    /// then.
    pub async fn execute_named(&self, named: Named<'_>) -> Result<(), AdmitNamedError> {
        match self.take(self.named.asked(named)).await?.retry_after {
            None => Ok(()),
            Some(retry_after) => {
                tracing::warn!(event = "excess_rate_limit_exceeded", limit = "named_requests");
                Err(AdmitNamedError::RateLimited { retry_after })
            }
        }
    }

    async fn take(&self, asked: Vec<Asked>) -> Result<AdmittedRequest, Fault> {
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
        let address = self.address.map(|limit| limit.asked(REQUESTS, LimitSubject::address(address), true));
        let everyone = self.everyone.map(|limit| limit.asked(REQUESTS, LimitSubject::everyone(), false));
        address.into_iter().chain(everyone).collect()
    }
}

impl RequestLimit {
    fn asked(self, what: &'static str, subject: LimitSubject, is_address: bool) -> Asked {
        let Self { limit, outage } = self;
        Asked { demand: LimitDemand { key: LimitKey { limit: what, subject }, limit }, outage, is_address }
    }
}

impl NamedLimits {
    fn asked(&self, Named { act, account, phone }: Named<'_>) -> Vec<Asked> {
        let country = phone.and_then(PhoneNumber::region);
        let limited = [
            (self.account, account.map(LimitSubject::account)),
            (self.phone, phone.map(LimitSubject::phone)),
            (self.prefix, phone.map(|phone| LimitSubject::prefix(&NumberPrefix::of(phone)))),
            (self.country, country.map(LimitSubject::country)),
        ];
        let asked = |(limit, subject): (Option<RequestLimit>, Option<LimitSubject>)| {
            Some(limit?.asked(act, subject?, false))
        };
        limited.into_iter().filter_map(asked).collect()
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
