//! How many requests one client address may make.
//!
//! The only place that knows `actix-governor`, which is GPL-3.0-or-later.

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use actix_governor::{
    Governor, GovernorConfig, GovernorConfigBuilder, KeyExtractor,
    governor::{
        NotUntil, RateLimiter,
        clock::{Clock, DefaultClock, QuantaInstant},
        middleware::NoOpMiddleware,
        state::keyed::DefaultKeyedStateStore,
    },
};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, dev::ServiceRequest};

use crate::{
    HttpSettings,
    client::address,
    problem::{Problem, ProblemCode},
    routes::is_limited,
};

/// How often addresses that have been quiet are forgotten: the limiter itself
/// never forgets one.
const EVICTION_PERIOD: Duration = Duration::from_mins(1);

type Limiter = RateLimiter<Counted, DefaultKeyedStateStore<Counted>, DefaultClock, NoOpMiddleware>;

/// One limit, shared by all workers.
#[derive(Clone)]
pub(crate) struct AddressLimit(GovernorConfig<ByAddress, NoOpMiddleware>);

impl AddressLimit {
    /// The limit that `settings` ask for; a thread of its own forgets quiet
    /// addresses for as long as the limit is in use. `None` cannot happen: the
    /// settings hold no zero.
    pub(crate) fn new(settings: Arc<HttpSettings>) -> Option<Self> {
        let config = GovernorConfigBuilder::default()
            .period(Duration::from_mins(1) / settings.ip_per_minute.get())
            .burst_size(settings.ip_burst.get())
            .key_extractor(ByAddress(settings))
            .finish()?;
        evict_quiet_addresses(Arc::downgrade(&config.limiter()));
        Some(Self(config))
    }

    /// The middleware of one worker.
    pub(crate) fn middleware(&self) -> Governor<ByAddress, NoOpMiddleware> {
        Governor::new(&self.0)
    }
}

fn evict_quiet_addresses(limiter: Weak<Limiter>) {
    let evict = move || loop {
        thread::sleep(EVICTION_PERIOD);
        let Some(limiter) = limiter.upgrade() else { break };
        limiter.retain_recent();
        limiter.shrink_to_fit();
    };
    if let Err(error) = thread::Builder::new().name("address-limit".to_owned()).spawn(evict) {
        tracing::error!(event = "fault", %error, "quiet addresses will not be forgotten");
    }
}

/// What requests are counted under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    /// Not at all: load balancers ask after health as often as they like, and providers call back as
    /// often as codes are sent.
    Free,
    /// An IPv4 address, or the /64 of an IPv6 address: whoever holds one of
    /// its addresses usually holds all of them.
    Address(IpAddr),
    /// All requests without an address, together.
    Unknown,
}

impl Counted {
    fn of(address: Option<IpAddr>) -> Self {
        match address {
            Some(IpAddr::V6(address)) => {
                let network = address.to_bits() & !u128::from(u64::MAX);
                Self::Address(Ipv6Addr::from_bits(network).into())
            }
            Some(address) => Self::Address(address),
            None => Self::Unknown,
        }
    }
}

/// Finds what a request is counted under.
#[derive(Clone)]
pub(crate) struct ByAddress(Arc<HttpSettings>);

impl KeyExtractor for ByAddress {
    type Key = Counted;
    type KeyExtractionError = Problem;

    fn extract(&self, req: &ServiceRequest) -> Result<Counted, Problem> {
        if !is_limited(req.path()) {
            return Ok(Counted::Free);
        }
        Ok(Counted::of(address(req.peer_addr(), req.headers(), &self.0.trusted_proxies)))
    }

    /// Leaves the builder aside: its headers round the wait down.
    fn exceed_rate_limit_response(
        &self,
        refusal: &NotUntil<QuantaInstant>,
        _: HttpResponseBuilder,
    ) -> HttpResponse {
        tracing::warn!(event = "excess_rate_limit_exceeded", limit = "address");
        let wait = refusal.wait_time_from(DefaultClock::default().now());
        Problem::new(ProblemCode::RateLimited).retry_after(wait).error_response()
    }

    fn whitelisted_keys(&self) -> Vec<Counted> {
        vec![Counted::Free]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(address: &str) -> Counted {
        Counted::of(Some(address.parse().unwrap()))
    }

    #[test]
    fn hx_04_an_ipv6_client_counts_by_its_64_bit_network() {
        assert_eq!(counted("2001:db8:1:2::1"), counted("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(counted("2001:db8:1:2::1"), counted("2001:db8:1:3::1"));
        assert_ne!(counted("198.51.100.1"), counted("198.51.100.2"));
        assert_eq!(Counted::of(None), Counted::Unknown);
    }
}
