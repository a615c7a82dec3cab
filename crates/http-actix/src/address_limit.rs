//! How many requests one client address may make of this process, when replicas share no limits.
//!
//! The only place that knows `actix-governor`, which is GPL-3.0-or-later.

use std::{
    net::IpAddr,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use actix_governor::{
    Governor, GovernorConfig, GovernorConfigBuilder, GovernorMiddleware, KeyExtractor,
    governor::{
        NotUntil, RateLimiter,
        clock::{Clock, DefaultClock, QuantaInstant},
        middleware::StateInformationMiddleware,
        state::keyed::DefaultKeyedStateStore,
    },
};
use actix_web::{
    Error, HttpResponse, HttpResponseBuilder, ResponseError,
    body::{BoxBody, EitherBody, MessageBody},
    dev::{Service, ServiceRequest, ServiceResponse, Transform, forward_ready},
    http::header::{HeaderMap, HeaderName},
    middleware::Next,
    web::Data,
};
use domain::{Backlog, Client, LimitStanding, RateLimit};
use futures_util::future::LocalBoxFuture;

use crate::{
    HttpSettings,
    client::address,
    problem::{Problem, ProblemCode},
    rate_limit_headers,
    routes::is_limited,
};

/// How often addresses that have been quiet are forgotten: the limiter itself
/// never forgets one.
const EVICTION_PERIOD: Duration = Duration::from_mins(1);

type Limiter =
    RateLimiter<Counted, DefaultKeyedStateStore<Counted>, DefaultClock, StateInformationMiddleware>;

type Layer = Governor<ByAddress, StateInformationMiddleware>;

/// By which the middleware tells what is left; nobody else reads them.
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const WHITELISTED: HeaderName = HeaderName::from_static("x-ratelimit-whitelisted");

/// One limit, shared by all workers.
#[derive(Clone)]
pub(crate) struct AddressLimit(GovernorConfig<ByAddress, StateInformationMiddleware>);

impl AddressLimit {
    /// The limit that `settings` ask for; a thread of its own forgets quiet
    /// addresses for as long as the limit is in use. `None` cannot happen: the
    /// settings hold no zero.
    pub(crate) fn new(settings: Arc<HttpSettings>) -> Option<Self> {
        let config = GovernorConfigBuilder::default()
            .period(Duration::from_mins(1) / settings.ip_per_minute.get())
            .burst_size(settings.ip_burst.get())
            .key_extractor(ByAddress(settings))
            .use_headers()
            .finish()?;
        evict_quiet_addresses(Arc::downgrade(&config.limiter()));
        Some(Self(config))
    }
}

/// Each worker has a middleware of its own.
impl<S, B> Transform<S, ServiceRequest> for AddressLimit
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody,
{
    type Response = ServiceResponse<EitherBody<B>>;
    type Error = Error;
    type Transform = GovernorMiddleware<Boxed<S>, ByAddress, StateInformationMiddleware>;
    type InitError = ();
    type Future = <Layer as Transform<Boxed<S>, ServiceRequest>>::Future;

    fn new_transform(&self, service: S) -> Self::Future {
        Layer::new(&self.0).new_transform(Boxed { service })
    }
}

/// What the middleware surrounds. It moves answers under way, so that they have to be in a box.
pub(crate) struct Boxed<S> {
    service: S,
}

impl<S> Service<ServiceRequest> for Boxed<S>
where
    S: Service<ServiceRequest, Error = Error> + 'static,
{
    type Response = S::Response;
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<S::Response, Error>>;

    forward_ready!(service);

    fn call(&self, req: ServiceRequest) -> Self::Future {
        Box::pin(self.service.call(req))
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
        let network = Client { address, user_agent: None }.network();
        network.map_or(Self::Unknown, Self::Address)
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
        let mut response = Problem::new(ProblemCode::RateLimited).retry_after(wait).error_response();
        response.extensions_mut().insert(refused(&self.0, wait));
        response
    }

    fn whitelisted_keys(&self) -> Vec<Counted> {
        vec![Counted::Free]
    }
}

/// Tells what is left in the words of our other limits.
pub(crate) async fn name_limit(
    req: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let settings = req.app_data::<Data<HttpSettings>>().cloned();
    let mut response = next.call(req).await?.map_into_boxed_body();
    let refusal = response.response().extensions().get::<LimitStanding>().copied();
    let headers = response.headers_mut();
    let standing = refusal.or_else(|| settings.and_then(|settings| admitted(headers, &settings)));
    for name in [LIMIT, REMAINING, WHITELISTED] {
        headers.remove(name);
    }
    if let Some(standing) = standing {
        rate_limit_headers::describe(&mut response, &standing);
    }
    Ok(response)
}

/// How the limit stands when the next request has to wait so long.
fn refused(settings: &HttpSettings, wait: Duration) -> LimitStanding {
    let limit = limit(settings);
    let wait = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX).min(limit.interval_micros());
    let backlog = limit.capacity_micros() - limit.interval_micros() + wait;
    LimitStanding { limit, backlog: Backlog::from_micros(backlog) }
}

fn limit(settings: &HttpSettings) -> RateLimit {
    RateLimit::per_minute(settings.ip_per_minute, settings.ip_burst)
}

/// How the limit stands, as far as the middleware tells: to a whole request.
fn admitted(headers: &HeaderMap, settings: &HttpSettings) -> Option<LimitStanding> {
    let remaining: u64 = headers.get(REMAINING)?.to_str().ok()?.parse().ok()?;
    let limit = limit(settings);
    let free = limit.interval_micros().saturating_mul(remaining);
    let backlog = Backlog::from_micros(limit.capacity_micros().saturating_sub(free));
    Some(LimitStanding { limit, backlog })
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
